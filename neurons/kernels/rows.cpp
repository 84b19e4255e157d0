#include "neurons/kernels/rows.hpp"

#include <cstring>

namespace neurons::kernels {

void gather_rows(std::int64_t count, std::int64_t width_bytes, const std::byte* x, const std::int64_t* indices, std::byte* y,
                 Worker worker) noexcept {
  const auto width = static_cast<std::size_t>(width_bytes);
  if (width == 0) return;
  const WorkRange range = split_work(static_cast<std::size_t>(count), worker);
  for (std::size_t i = range.begin; i < range.end; ++i) {
    std::memcpy(y + i * width, x + static_cast<std::size_t>(indices[i]) * width, width);
  }
}

}  // namespace neurons::kernels
