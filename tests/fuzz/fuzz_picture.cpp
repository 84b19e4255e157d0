// The PNG and JPEG readers on any bytes: they read them or throw InputError. What they read is brought to another size and colour.

#include <cstdint>
#include <span>
#include <vector>

#include "neurons/data/picture_options.hpp"
#include "neurons/data/readers/pictures.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using neurons::PictureOptions;
  try {
    const neurons::Tensor picture = neurons::parse_picture(std::as_bytes(std::span(data, size)), "input");
    const neurons::PictureView view = neurons::view_of(picture);
    const neurons::PictureShape shape{4 - view.shape.channels, 5, 7};  // grey becomes coloured and the other way round
    std::vector<std::uint8_t> prepared(shape.elements());
    const auto fit = static_cast<PictureOptions::Fit>(size % 3);
    neurons::prepare_picture(view, shape, {.fit = fit, .filter = static_cast<PictureOptions::Filter>(size / 3 % 3)}, prepared);
  } catch (const neurons::InputError&) {
  }
  return 0;
}
