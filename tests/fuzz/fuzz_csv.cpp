// The CSV reader on any bytes, and what follows on a table: it reads them or throws InputError; an encoder that could be fitted
// encodes its own table and survives JSON.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "neurons/data/readers/csv.hpp"
#include "neurons/data/readers/table_encoder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace neurons;
  try {
    const Table table = parse_csv(std::string_view(reinterpret_cast<const char*>(data), size), "input");
    const TableEncoder encoder = TableEncoder::fit(table, {});
    if (TableEncoder::from_json(encoder.to_json(), "encoder") != encoder) std::abort();
    encoder.encode(table).validate();
  } catch (const InputError&) {
  }
  return 0;
}
