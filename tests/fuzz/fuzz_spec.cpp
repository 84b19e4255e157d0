// The spec parser on any text: it reads it or throws InputError; what it has read, it writes and reads again. A network that needs
// no data is built, too, if it is small.

#include <cstdlib>
#include <string_view>

#include "neurons/spec/spec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neurons;
  constexpr std::size_t kMostLayers = 32;
  std::string text;
  try {
    const Spec spec = parse_spec(std::string_view(reinterpret_cast<const char*>(data), size), "input");
    text = to_toml(spec);
    if (spec.network.layers.size() <= kMostLayers && is_resolved(spec.network)) make_network(spec.network);
  } catch (const InputError&) {
  }
  if (text.empty()) return 0;
  try {
    if (to_toml(parse_spec(text, "output")) != text) std::abort();
  } catch (const InputError&) {
    std::abort();  // what was written must be readable
  }
  return 0;
}
