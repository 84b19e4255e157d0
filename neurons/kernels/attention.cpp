#include "neurons/kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/attention_tiles.hpp"
#include "neurons/kernels/panel_product.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {
namespace {

// A tile of scores, 32 KB, stays in a cache with the queries that it is made of; what is packed of the keys and values serves a
// group of queries.
constexpr std::int64_t kQueries = 32;
constexpr std::int64_t kGroup = 8 * kQueries;
constexpr std::int64_t kKeys = 256;
constexpr std::int64_t kLine = kAlignment / sizeof(float);

std::size_t float_bytes(std::int64_t count) noexcept { return align_up(static_cast<std::size_t>(count) * sizeof(float)); }

std::int64_t block_of_keys(const Attention& call) noexcept { return std::min(kKeys, call.keys); }
/// Rows of a tile lie so far apart: not a multiple of what would put them into the same sets of a cache.
std::int64_t tile_stride(const Attention& call) noexcept { return (block_of_keys(call) + kLine - 1) / kLine * kLine + kLine; }

/// A worker's scratch, part by part.
struct Scratch {
  std::byte* next;
  float* floats(std::int64_t count) noexcept {
    auto* const part = reinterpret_cast<float*>(next);
    next += float_bytes(count);
    return part;
  }
};

/// A strided matrix.
struct Matrix {
  const float* data;
  std::int64_t row_stride;
  std::int64_t column_stride;
};

/// A matrix [inner, columns] in panels, as products read their right operand.
class Packed {
 public:
  static std::int64_t floats(std::int64_t inner, std::int64_t columns) noexcept { return PanelShape{inner, columns}.elements(); }

  Packed(float* panels, std::int64_t inner, std::int64_t columns) noexcept : panels_(panels), shape_{inner, columns} {}
  void fill(const Matrix& from) const noexcept {
    pack_right(shape_.inputs, shape_.outputs, shape_.width(), from.data, from.row_stride, from.column_stride, panels_);
  }
  /// C = A · B for the first `inner` rows and `columns` columns of B, or C += A · B.
  void multiply(std::int64_t rows, std::int64_t inner, std::int64_t columns, const Matrix& a, float* c, std::int64_t c_row_stride,
                bool accumulate, std::byte* scratch) const noexcept {
    PanelProduct product = product_of(rows, inner, shape_.width(), a);
    product.c_row_stride = c_row_stride;
    product.accumulate = accumulate;
    const bool whole = inner == shape_.inputs;  // otherwise panels lie further apart than a product knows
    const std::int64_t step = whole ? columns : product.width;
    for (std::int64_t column = 0; column < columns; column += step) {
      product.columns = std::min(step, columns - column);
      product.b = panels_ + column / product.width * shape_.inputs * product.width;
      product.c = c + column;
      run(product, scratch, {0, 1});
    }
  }
  /// Scratch for products of at most so many rows, columns and inner indices.
  static std::size_t scratch_bytes(std::int64_t rows, std::int64_t inner, std::int64_t columns, const Matrix& a) noexcept {
    PanelProduct product = product_of(rows, inner, panel_width(columns), a);
    float result = 0;
    product.columns = columns;
    product.c = &result;
    return kernels::scratch_bytes(product);
  }

 private:
  static PanelProduct product_of(std::int64_t rows, std::int64_t inner, std::int64_t width, const Matrix& a) noexcept {
    PanelProduct product;
    product.rows = rows;
    product.inner = inner;
    product.width = width;
    product.a = a.data;
    product.a_row_stride = a.row_stride;
    product.a_inner_stride = a.column_stride;
    product.b_in_panels = true;
    return product;
  }

  float* panels_;
  PanelShape shape_;
};

/// Some queries of a head.
struct QueryBlock {
  std::int64_t batch, head, kv_head, first, rows;
  std::int64_t limit;  ///< keys that the last of them sees

  QueryBlock(const Attention& call, std::int64_t in_batch, std::int64_t of_head, std::int64_t from) noexcept
      : batch(in_batch),
        head(of_head),
        kv_head(of_head / (call.heads / call.kv_heads)),
        first(from),
        rows(std::min(kQueries, call.queries - from)),
        limit(call.causal ? std::clamp<std::int64_t>(from + rows + call.past, 0, call.keys) : call.keys) {}
  std::int64_t place(const Attention& call) const noexcept { return (batch * call.heads + head) * call.queries + first; }
};

/// The tile of a block of queries and the keys from `key` on, its products still to be computed.
ScoreTile tile_of(const Attention& call, const QueryBlock& block, std::int64_t key, float* scores) noexcept {
  ScoreTile tile;
  tile.rows = block.rows;
  tile.columns = std::min(kKeys, block.limit - key);
  tile.scores = scores;
  tile.stride = tile_stride(call);
  tile.scale = call.scale;
  tile.softcap = call.softcap;
  tile.visible = call.causal ? block.first + call.past + 1 - key : tile.columns;
  tile.visible_step = call.causal ? 1 : 0;
  if (call.mask.data == nullptr) return tile;
  const AttentionMask& mask = call.mask;
  const std::int64_t at =
      block.batch * mask.batch_stride + block.head * mask.head_stride + block.first * mask.query_stride + key * mask.key_stride;
  tile.mask = mask.data + at * static_cast<std::int64_t>(mask.boolean ? 1 : sizeof(float));
  tile.boolean = mask.boolean;
  tile.mask_row_stride = mask.query_stride;
  tile.mask_column_stride = mask.key_stride;
  return tile;
}

Matrix rows_of(const Heads<const float>& heads, std::int64_t batch, std::int64_t head, std::int64_t step) noexcept {
  return {heads.at(batch, head, step), heads.step_stride, 1};
}
Matrix transposed(const Matrix& matrix) noexcept { return {matrix.data, matrix.column_stride, matrix.row_stride}; }

/// The queries [first, end) of a head.
void attend(const Attention& call, std::int64_t batch, std::int64_t head, std::int64_t first, std::int64_t end,
            Scratch scratch) noexcept {
  const std::int64_t most = block_of_keys(call);
  float* const scores = scratch.floats(kQueries * tile_stride(call));
  float* const maximum = scratch.floats(kGroup);
  float* const sum = scratch.floats(kGroup);
  float* const factors = scratch.floats(kQueries);
  float* const key_panels = scratch.floats(Packed::floats(call.size, most));
  float* const value_panels = scratch.floats(Packed::floats(most, call.value_size));
  std::fill_n(maximum, kGroup, -std::numeric_limits<float>::infinity());
  std::fill_n(sum, kGroup, 0.0F);
  const std::int64_t limit = QueryBlock(call, batch, head, (end - 1) / kQueries * kQueries).limit;
  for (std::int64_t key = 0; key < limit; key += kKeys) {
    const std::int64_t count = std::min(kKeys, limit - key);
    const Packed keys(key_panels, call.size, count);
    const Packed values(value_panels, count, call.value_size);
    const std::int64_t kv_head = QueryBlock(call, batch, head, first).kv_head;
    keys.fill(transposed(rows_of(call.k, batch, kv_head, key)));
    values.fill(rows_of(call.v, batch, kv_head, key));
    for (std::int64_t from = first; from < end; from += kQueries) {
      const QueryBlock block(call, batch, head, from);
      if (block.limit <= key) continue;
      const ScoreTile tile = tile_of(call, block, key, scores);
      float* const y = call.y.at(batch, head, from);
      keys.multiply(tile.rows, call.size, tile.columns, rows_of(call.q, batch, head, from), scores, tile.stride, false,
                    scratch.next);
      soften_scores(tile, maximum + (from - first), sum + (from - first), factors);
      if (key > 0) scale_rows(tile.rows, call.value_size, factors, y, call.y.step_stride);
      values.multiply(tile.rows, tile.columns, call.value_size, {scores, tile.stride, 1}, y, call.y.step_stride, key > 0,
                      scratch.next);
    }
  }
  for (std::int64_t from = first; from < end; from += kQueries) {
    const QueryBlock block(call, batch, head, from);
    float* const y = call.y.at(batch, head, from);
    float* const log_sum_exp = call.log_sum_exp + block.place(call);
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const float total = sum[from - first + r];
      factors[r] = total == 0.0F ? 0.0F : 1.0F / total;
      log_sum_exp[r] = total == 0.0F ? 0.0F : maximum[from - first + r] + std::log(total);
    }
    scale_rows(block.rows, call.value_size, factors, y, call.y.step_stride);
  }
}

/// dk and dv of a head of keys from `key` on, and what these keys add to dq of all queries.
void differentiate(const AttentionGradient& call, std::int64_t batch, std::int64_t kv_head, std::int64_t key,
                   Scratch scratch) noexcept {
  const Attention& forward = call.forward;
  const std::int64_t stride = tile_stride(forward);
  const std::int64_t count = std::min(kKeys, forward.keys - key);
  float* const scores = scratch.floats(kQueries * stride);
  float* const slopes = scratch.floats(kQueries * stride);
  float* const offsets = scratch.floats(kQueries);
  const Packed transposed_keys(scratch.floats(Packed::floats(forward.size, count)), forward.size, count);
  const Packed keys(scratch.floats(Packed::floats(count, forward.size)), count, forward.size);
  const Packed transposed_values(scratch.floats(Packed::floats(forward.value_size, count)), forward.value_size, count);
  float* const query_panels = scratch.floats(Packed::floats(kQueries, forward.size));
  float* const dy_panels = scratch.floats(Packed::floats(kQueries, forward.value_size));
  const Matrix own_keys = rows_of(forward.k, batch, kv_head, key);
  keys.fill(own_keys);
  transposed_keys.fill(transposed(own_keys));
  transposed_values.fill(transposed(rows_of(forward.v, batch, kv_head, key)));
  for (std::int64_t row = key; row < key + count; ++row) {
    std::fill_n(call.dk.at(batch, kv_head, row), forward.size, 0.0F);
    std::fill_n(call.dv.at(batch, kv_head, row), forward.value_size, 0.0F);
  }
  const std::int64_t group = forward.heads / forward.kv_heads;
  for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    for (std::int64_t from = 0; from < forward.queries; from += kQueries) {
      const QueryBlock block(forward, batch, head, from);
      if (block.limit <= key) continue;
      const ScoreTile tile = tile_of(forward, block, key, scores);
      const std::int64_t rows = tile.rows;
      const std::int64_t columns = tile.columns;
      const Matrix q = rows_of(forward.q, batch, head, from);
      const Matrix dy = rows_of(call.dy, batch, head, from);
      row_products(rows, forward.value_size, dy.data, dy.row_stride, forward.y.at(batch, head, from), forward.y.step_stride,
                   offsets);
      if (call.dlog_sum_exp != nullptr) {
        for (std::int64_t r = 0; r < rows; ++r) offsets[r] -= call.dlog_sum_exp[block.place(forward) + r];
      }
      transposed_keys.multiply(rows, forward.size, columns, q, scores, stride, false, scratch.next);
      transposed_values.multiply(rows, forward.value_size, columns, dy, slopes, stride, false, scratch.next);
      differentiate_scores(tile, forward.log_sum_exp + block.place(forward), offsets, slopes);
      const Packed queries(query_panels, rows, forward.size);
      const Packed arriving(dy_panels, rows, forward.value_size);
      queries.fill(q);
      arriving.fill(dy);
      arriving.multiply(columns, rows, forward.value_size, {scores, 1, stride}, call.dv.at(batch, kv_head, key),
                        call.dv.step_stride, true, scratch.next);
      queries.multiply(columns, rows, forward.size, {slopes, 1, stride}, call.dk.at(batch, kv_head, key), call.dk.step_stride, true,
                       scratch.next);
      keys.multiply(rows, columns, forward.size, {slopes, stride, 1}, call.dq.at(batch, head, from), call.dq.step_stride, key > 0,
                    scratch.next);
    }
  }
}

}  // namespace

std::size_t scratch_bytes(const Attention& call) noexcept {
  const std::int64_t keys = block_of_keys(call);
  return float_bytes(kQueries * tile_stride(call)) + 2 * float_bytes(kGroup) + float_bytes(kQueries) +
         float_bytes(Packed::floats(call.size, keys)) + float_bytes(Packed::floats(keys, call.value_size)) +
         std::max(Packed::scratch_bytes(kQueries, call.size, keys, rows_of(call.q, 0, 0, 0)),
                  Packed::scratch_bytes(kQueries, keys, call.value_size, {nullptr, tile_stride(call), 1}));
}

void attention(const Attention& call, std::byte* scratch, Worker worker) noexcept {
  const std::int64_t groups = (call.queries + kGroup - 1) / kGroup;
  const WorkRange range = split_work(static_cast<std::size_t>(call.batch * call.heads * groups), worker);
  for (auto item = static_cast<std::int64_t>(range.begin); item < static_cast<std::int64_t>(range.end); ++item) {
    const std::int64_t head = item / groups;
    const std::int64_t first = item % groups * kGroup;
    attend(call, head / call.heads, head % call.heads, first, std::min(call.queries, first + kGroup), {scratch});
  }
}

std::size_t scratch_bytes(const AttentionGradient& call) noexcept {
  const Attention& forward = call.forward;
  const std::int64_t keys = block_of_keys(forward);
  const std::int64_t size = std::max(forward.size, forward.value_size);
  return 2 * float_bytes(kQueries * tile_stride(forward)) + float_bytes(kQueries) + 2 * float_bytes(Packed::floats(size, keys)) +
         float_bytes(Packed::floats(keys, size)) + 2 * float_bytes(Packed::floats(kQueries, size)) +
         std::max({Packed::scratch_bytes(kQueries, forward.size, keys, rows_of(forward.q, 0, 0, 0)),
                   Packed::scratch_bytes(kQueries, forward.value_size, keys, rows_of(call.dy, 0, 0, 0)),
                   Packed::scratch_bytes(kQueries, keys, size, {nullptr, tile_stride(forward), 1}),
                   Packed::scratch_bytes(keys, kQueries, size, {nullptr, 1, tile_stride(forward)})});
}

void attention_gradient(const AttentionGradient& call, std::byte* scratch, Worker worker) noexcept {
  const Attention& forward = call.forward;
  const WorkRange range = split_work(static_cast<std::size_t>(forward.batch * forward.kv_heads), worker);
  for (auto item = static_cast<std::int64_t>(range.begin); item < static_cast<std::int64_t>(range.end); ++item) {
    for (std::int64_t key = 0; key < forward.keys; key += kKeys) {
      differentiate(call, item / forward.kv_heads, item % forward.kv_heads, key, {scratch});
    }
  }
}

}  // namespace neurons::kernels
