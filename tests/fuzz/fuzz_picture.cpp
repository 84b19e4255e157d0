// The PNG and JPEG readers on any bytes: they read them or throw InputError.

#include <cstdint>
#include <span>

#include "neurons/data/readers/pictures.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    neurons::parse_picture(std::as_bytes(std::span(data, size)), "input");
  } catch (const neurons::InputError&) {
  }
  return 0;
}
