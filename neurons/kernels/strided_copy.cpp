#include "neurons/kernels/strided_copy.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace neurons::kernels {
namespace {

/// Rows and columns of a block of a transposition: two blocks of 8-byte elements fill half of a first-level cache.
constexpr std::int64_t kBlock = 32;

/// Copies a line of `count` elements.
template <typename T>
void copy_line(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride, std::int64_t count) noexcept {
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
  } else if (to_stride == 1 && from_stride == 0) {
    std::fill_n(to, count, *from);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

struct Offsets {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

/// Where index `unit` of the outermost `rank` dimensions begins.
Offsets offsets_of(const StridedCopy& copy, std::size_t rank, std::int64_t unit) noexcept {
  Offsets offsets;
  for (std::size_t i = rank; i-- > 0;) {
    const std::int64_t place = unit % copy.extents[i];
    unit /= copy.extents[i];
    offsets.from += place * copy.from_strides[i];
    offsets.to += place * copy.to_strides[i];
  }
  return offsets;
}

std::int64_t elements(const StridedCopy& copy, std::size_t rank) noexcept {
  std::int64_t product = 1;
  for (std::size_t i = 0; i < rank; ++i) product *= copy.extents[i];
  return product;
}

/// Lines along the last dimension.
template <typename T>
void copy_lines(const StridedCopy& copy, Worker worker) noexcept {
  const T* from = reinterpret_cast<const T*>(copy.from);
  T* to = reinterpret_cast<T*>(copy.to);
  const std::size_t last = copy.rank - 1;
  const std::int64_t columns = copy.extents[last];
  const std::int64_t lines = elements(copy, last);
  if (lines == 1) {
    const auto [begin, end] = split_work(static_cast<std::size_t>(columns), worker, 1024);
    const auto first = static_cast<std::int64_t>(begin);
    if (begin == end) return;
    return copy_line(from + first * copy.from_strides[last], copy.from_strides[last], to + first * copy.to_strides[last],
                     copy.to_strides[last], static_cast<std::int64_t>(end) - first);
  }
  const auto grain = static_cast<std::size_t>(1 + 1024 / columns);
  const auto [begin, end] = split_work(static_cast<std::size_t>(lines), worker, grain);
  for (auto line = static_cast<std::int64_t>(begin); line < static_cast<std::int64_t>(end); ++line) {
    const Offsets offsets = offsets_of(copy, last, line);
    copy_line(from + offsets.from, copy.from_strides[last], to + offsets.to, copy.to_strides[last], columns);
  }
}

/// The last two dimensions are a transposition: the source is contiguous along the last but one, the destination along the last.
template <typename T>
void copy_transposed(const StridedCopy& copy, Worker worker) noexcept {
  const T* from = reinterpret_cast<const T*>(copy.from);
  T* to = reinterpret_cast<T*>(copy.to);
  const std::size_t outer = copy.rank - 2;
  const std::int64_t rows = copy.extents[outer];
  const std::int64_t columns = copy.extents[outer + 1];
  const std::int64_t row_blocks = (rows + kBlock - 1) / kBlock;
  const auto [begin, end] = split_work(static_cast<std::size_t>(elements(copy, outer) * row_blocks), worker);
  for (auto unit = static_cast<std::int64_t>(begin); unit < static_cast<std::int64_t>(end); ++unit) {
    const Offsets offsets = offsets_of(copy, outer, unit / row_blocks);
    const std::int64_t first_row = unit % row_blocks * kBlock;
    const std::int64_t last_row = std::min(rows, first_row + kBlock);
    for (std::int64_t column = 0; column < columns; column += kBlock) {
      const std::int64_t count = std::min(columns - column, kBlock);
      for (std::int64_t row = first_row; row < last_row; ++row) {
        const T* source = from + offsets.from + row + column * copy.from_strides[outer + 1];
        T* target = to + offsets.to + row * copy.to_strides[outer] + column;
        for (std::int64_t i = 0; i < count; ++i) target[i] = source[i * copy.from_strides[outer + 1]];
      }
    }
  }
}

bool is_transposition(const StridedCopy& copy) noexcept {
  return copy.rank >= 2 && copy.to_strides[copy.rank - 1] == 1 && copy.from_strides[copy.rank - 2] == 1 &&
         copy.from_strides[copy.rank - 1] > 1;
}

template <typename T>
void copy_elements(const StridedCopy& copy, Worker worker) noexcept {
  if (is_transposition(copy)) return copy_transposed<T>(copy, worker);
  copy_lines<T>(copy, worker);
}

}  // namespace

StridedCopy make_strided_copy(const std::byte* from, std::byte* to, std::size_t element_bytes,
                              std::span<const std::int64_t> extents, std::span<const std::int64_t> from_strides,
                              std::span<const std::int64_t> to_strides) noexcept {
  StridedCopy copy{from, to, element_bytes, 0, {}, {}, {}};
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == 1) continue;
    if (copy.rank > 0) {  // neighbouring dimensions that step alike are one
      const std::size_t outer = copy.rank - 1;
      if (copy.from_strides[outer] == extents[i] * from_strides[i] && copy.to_strides[outer] == extents[i] * to_strides[i]) {
        copy.extents[outer] *= extents[i];
        copy.from_strides[outer] = from_strides[i];
        copy.to_strides[outer] = to_strides[i];
        continue;
      }
    }
    copy.extents[copy.rank] = extents[i];
    copy.from_strides[copy.rank] = from_strides[i];
    copy.to_strides[copy.rank] = to_strides[i];
    ++copy.rank;
  }
  if (copy.rank == 0) {
    copy.rank = 1;
    copy.extents[0] = copy.from_strides[0] = copy.to_strides[0] = 1;
  }
  // The dimension along which the source is contiguous moves next to the one along which the destination is.
  const std::size_t last = copy.rank - 1;
  for (std::size_t i = 0; i + 1 < last; ++i) {
    if (copy.from_strides[i] != 1 || copy.from_strides[last] <= 1 || copy.to_strides[last] != 1) continue;
    const auto move = [&](auto& list) { std::rotate(list.begin() + i, list.begin() + i + 1, list.begin() + last); };
    move(copy.extents);
    move(copy.from_strides);
    move(copy.to_strides);
    break;
  }
  return copy;
}

void strided_copy(const StridedCopy& copy, Worker worker) noexcept {
  if (elements(copy, copy.rank) == 0) return;
  switch (copy.element_bytes) {
    case 1:
      return copy_elements<std::uint8_t>(copy, worker);
    case 4:
      return copy_elements<std::uint32_t>(copy, worker);
    default:
      return copy_elements<std::uint64_t>(copy, worker);
  }
}

}  // namespace neurons::kernels
