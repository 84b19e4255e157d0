// The npy and npz readers on any bytes: they read them or throw InputError; what they have read, they write and read again.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "neurons/data/readers/npy.hpp"

namespace {

using namespace neurons;

template <class Parse, class Format>
void read_write_read(std::span<const std::byte> bytes, Parse parse, Format format) {
  try {
    const auto value = parse(bytes, "input");
    const std::string text = format(value);
    if (parse(std::as_bytes(std::span(text)), "output") != value) std::abort();
  } catch (const InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  read_write_read(bytes, parse_npy, format_npy);
  read_write_read(bytes, parse_npz, format_npz);
  return 0;
}
