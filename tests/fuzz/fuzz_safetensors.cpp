// The safetensors reader on any bytes: it reads them or throws InputError; what it has read, it writes and reads again.

#include <cstdlib>
#include <span>

#include "neurons/formats/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neurons;
  try {
    const TensorFile file = parse_safetensors(std::as_bytes(std::span(data, size)), "input");
    const std::string bytes = format_safetensors(file);
    if (format_safetensors(parse_safetensors(std::as_bytes(std::span(bytes)), "output")) != bytes) std::abort();
  } catch (const InputError&) {
  }
  return 0;
}
