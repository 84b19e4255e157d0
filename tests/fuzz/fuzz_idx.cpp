// The IDX reader on any bytes, plain or gzip: it reads them or throws InputError.

#include <cstdint>
#include <span>

#include "neurons/data/readers/idx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    neurons::parse_idx(std::as_bytes(std::span(data, size)), "input");
  } catch (const neurons::InputError&) {
  }
  return 0;
}
