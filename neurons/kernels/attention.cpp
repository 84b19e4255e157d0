#include "neurons/kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/attention_tiles.hpp"
#include "neurons/kernels/weighted_sum.hpp"

namespace neurons::kernels {
namespace {

// A tile of scores, 64 KB, stays in a second-level cache with the queries, keys and values that it is made of.
constexpr std::int64_t kQueries = 64;
constexpr std::int64_t kKeys = 256;
constexpr std::int64_t kLine = kAlignment / sizeof(float);

std::size_t float_bytes(std::int64_t count) noexcept { return align_up(static_cast<std::size_t>(count) * sizeof(float)); }

std::int64_t block_of_keys(const Attention& call) noexcept { return std::min(kKeys, call.keys); }
/// Rows of a tile lie so far apart: not a multiple of what would put them into the same sets of a cache.
std::int64_t tile_stride(const Attention& call) noexcept { return (block_of_keys(call) + kLine - 1) / kLine * kLine + kLine; }

/// At most what a product packs: all of both operands.
std::size_t product_bytes(std::int64_t rows, std::int64_t inner, std::int64_t columns) noexcept {
  constexpr std::int64_t kWidth = 32;
  return float_bytes(rows * (inner + kLine) + kLine) + float_bytes((columns + kWidth - 1) / kWidth * kWidth * inner);
}

/// A worker's scratch, part by part.
struct Scratch {
  std::byte* next;
  float* floats(std::int64_t count) noexcept {
    auto* const part = reinterpret_cast<float*>(next);
    next += float_bytes(count);
    return part;
  }
};

/// C = A · B, or C += A · B.
struct Product {
  std::byte* scratch;
  struct Operand {
    const float* data;
    std::int64_t row_stride;
    std::int64_t column_stride;
  };
  void operator()(std::int64_t rows, std::int64_t inner, std::int64_t columns, Operand a, Operand b, float* c,
                  std::int64_t c_row_stride, bool accumulate) const noexcept {
    MatrixProduct product;
    product.rows = rows;
    product.inner = inner;
    product.columns = columns;
    product.a = a.data;
    product.a_row_stride = a.row_stride;
    product.a_column_stride = a.column_stride;
    product.b = b.data;
    product.b_row_stride = b.row_stride;
    product.b_column_stride = b.column_stride;
    product.c = c;
    product.c_row_stride = c_row_stride;
    product.accumulate = accumulate;
    matrix_product(product, scratch, {0, 1});
  }
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

/// q · kᵀ of the tile.
void multiply_keys(const Attention& call, const QueryBlock& block, std::int64_t key, const ScoreTile& tile,
                   const Product& product) noexcept {
  product(tile.rows, call.size, tile.columns, {call.q.at(block.batch, block.head, block.first), call.q.step_stride, 1},
          {call.k.at(block.batch, block.kv_head, key), 1, call.k.step_stride}, tile.scores, tile.stride, false);
}

void attend(const Attention& call, const QueryBlock& block, Scratch scratch) noexcept {
  float* const scores = scratch.floats(kQueries * tile_stride(call));
  float* const maximum = scratch.floats(kQueries);
  float* const sum = scratch.floats(kQueries);
  float* const factors = scratch.floats(kQueries);
  const Product product{scratch.next};
  float* const y = call.y.at(block.batch, block.head, block.first);
  std::fill_n(maximum, kQueries, -std::numeric_limits<float>::infinity());
  std::fill_n(sum, kQueries, 0.0F);
  for (std::int64_t key = 0; key < block.limit; key += kKeys) {
    const ScoreTile tile = tile_of(call, block, key, scores);
    multiply_keys(call, block, key, tile, product);
    soften_scores(tile, maximum, sum, factors);
    if (key > 0) scale_rows(block.rows, call.value_size, factors, y, call.y.step_stride);
    product(block.rows, tile.columns, call.value_size, {scores, tile.stride, 1},
            {call.v.at(block.batch, block.kv_head, key), call.v.step_stride, 1}, y, call.y.step_stride, key > 0);
  }
  float* const log_sum_exp = call.log_sum_exp + block.place(call);
  for (std::int64_t r = 0; r < block.rows; ++r) {
    if (block.limit == 0) std::fill_n(y + r * call.y.step_stride, call.value_size, 0.0F);
    factors[r] = sum[r] == 0.0F ? 0.0F : 1.0F / sum[r];
    log_sum_exp[r] = sum[r] == 0.0F ? 0.0F : maximum[r] + std::log(sum[r]);
  }
  scale_rows(block.rows, call.value_size, factors, y, call.y.step_stride);
}

void differentiate(const AttentionGradient& call, const QueryBlock& block, Scratch scratch) noexcept {
  const Attention& forward = call.forward;
  const std::int64_t stride = tile_stride(forward);
  float* const scores = scratch.floats(kQueries * stride);
  float* const slopes = scratch.floats(kQueries * stride);
  float* const offsets = scratch.floats(kQueries);
  const Product product{scratch.next};
  const float* const dy = call.dy.at(block.batch, block.head, block.first);
  float* const dq = call.dq.at(block.batch, block.head, block.first);
  row_products(block.rows, forward.value_size, dy, call.dy.step_stride, forward.y.at(block.batch, block.head, block.first),
               forward.y.step_stride, offsets);
  if (call.dlog_sum_exp != nullptr) {
    for (std::int64_t r = 0; r < block.rows; ++r) offsets[r] -= call.dlog_sum_exp[block.place(forward) + r];
  }
  if (block.limit == 0) {
    for (std::int64_t r = 0; r < block.rows; ++r) std::fill_n(dq + r * call.dq.step_stride, forward.size, 0.0F);
  }
  for (std::int64_t key = 0; key < block.limit; key += kKeys) {
    const ScoreTile tile = tile_of(forward, block, key, scores);
    const std::int64_t rows = tile.rows;
    const std::int64_t columns = tile.columns;
    multiply_keys(forward, block, key, tile, product);
    product(rows, forward.value_size, columns, {dy, call.dy.step_stride, 1},
            {forward.v.at(block.batch, block.kv_head, key), 1, forward.v.step_stride}, slopes, stride, false);
    differentiate_scores(tile, forward.log_sum_exp + block.place(forward), offsets, slopes);
    product(columns, rows, forward.value_size, {scores, 1, stride}, {dy, call.dy.step_stride, 1},
            call.dv.at(block.batch, block.kv_head, key), call.dv.step_stride, true);
    product(rows, columns, forward.size, {slopes, stride, 1},
            {forward.k.at(block.batch, block.kv_head, key), forward.k.step_stride, 1}, dq, call.dq.step_stride, key > 0);
    product(columns, rows, forward.size, {slopes, 1, stride},
            {forward.q.at(block.batch, block.head, block.first), forward.q.step_stride, 1},
            call.dk.at(block.batch, block.kv_head, key), call.dk.step_stride, true);
  }
}

}  // namespace

std::size_t scratch_bytes(const Attention& call) noexcept {
  const std::int64_t keys = block_of_keys(call);
  return float_bytes(kQueries * tile_stride(call)) + 3 * float_bytes(kQueries) +
         std::max(product_bytes(kQueries, call.size, keys), product_bytes(kQueries, keys, call.value_size));
}

void attention(const Attention& call, std::byte* scratch, Worker worker) noexcept {
  const std::int64_t blocks = (call.queries + kQueries - 1) / kQueries;
  const WorkRange range = split_work(static_cast<std::size_t>(call.batch * call.heads * blocks), worker);
  for (auto item = static_cast<std::int64_t>(range.begin); item < static_cast<std::int64_t>(range.end); ++item) {
    const std::int64_t head = item / blocks;
    attend(call, {call, head / call.heads, head % call.heads, item % blocks * kQueries}, {scratch});
  }
}

std::size_t scratch_bytes(const AttentionGradient& call) noexcept {
  const Attention& forward = call.forward;
  const std::int64_t keys = block_of_keys(forward);
  const std::int64_t size = std::max(forward.size, forward.value_size);
  return 2 * float_bytes(kQueries * tile_stride(forward)) + float_bytes(kQueries) +
         std::max({product_bytes(kQueries, size, keys), product_bytes(kQueries, keys, size), product_bytes(keys, kQueries, size)});
}

void attention_gradient(const AttentionGradient& call, std::byte* scratch, Worker worker) noexcept {
  const Attention& forward = call.forward;
  const std::int64_t group = forward.heads / forward.kv_heads;
  const WorkRange range = split_work(static_cast<std::size_t>(forward.batch * forward.kv_heads), worker);
  for (auto item = static_cast<std::int64_t>(range.begin); item < static_cast<std::int64_t>(range.end); ++item) {
    const std::int64_t batch = item / forward.kv_heads;
    const std::int64_t kv_head = item % forward.kv_heads;
    for (std::int64_t key = 0; key < forward.keys; ++key) {
      std::fill_n(call.dk.at(batch, kv_head, key), forward.size, 0.0F);
      std::fill_n(call.dv.at(batch, kv_head, key), forward.value_size, 0.0F);
    }
    for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      for (std::int64_t first = 0; first < forward.queries; first += kQueries) {
        differentiate(call, {forward, batch, head, first}, {scratch});
      }
    }
  }
}

}  // namespace neurons::kernels
