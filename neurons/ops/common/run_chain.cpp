#include "neurons/ops/common/run_chain.hpp"

#include <utility>

namespace neurons::ops {
namespace {

void run_program(const kernels::Program& program, std::byte* scratch, Worker worker) noexcept {
  const std::int64_t units = program.outer_elements() * program.rows;
  if (units == 1) {
    constexpr std::size_t kGrain = 256;
    const auto [begin, end] = split_work(static_cast<std::size_t>(program.columns), worker, kGrain);
    if (begin == end) return;
    program.run(0, 1, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin), {}, scratch);
    return;
  }
  const auto [begin, end] = split_work(static_cast<std::size_t>(units), worker);
  if (begin != end) program.run_rows(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end), scratch);
}

}  // namespace

Call call_of(kernels::Program program) {
  const std::size_t scratch = program.scratch_bytes();
  return Call::of<run_program>(std::move(program), true, scratch);
}

}  // namespace neurons::ops
