#include "neurons/kernels/prepared_product.hpp"
#include "neurons/kernels/simd_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "neurons/kernels/panel_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/micro_kernel-inl.h"
#include "neurons/kernels/pack-inl.h"
#include "neurons/kernels/row_dots-inl.h"
#include "neurons/kernels/row_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace neurons::kernels::HWY_NAMESPACE {

/// Tiles whose results are handed to the epilogue in one go.
constexpr std::int64_t tiles_per_epilogue(std::int64_t width) { return kEpilogueFloats / width / kMaxRows; }

bool is_narrow(const PanelProduct& product) { return kHasNarrow && product.columns <= kLanes; }

/// Computes parts of one product.
class ProductRun {
 public:
  ProductRun(const PanelProduct& product, const ProductPlan& plan, std::byte* scratch)
      : product_(product),
        plan_(plan),
        a_scratch_(reinterpret_cast<float*>(scratch)),
        b_scratch_(reinterpret_cast<float*>(scratch + plan.a_bytes)),
        c_scratch_(reinterpret_cast<float*>(scratch + plan.a_bytes + plan.b_bytes)),
        epilogue_scratch_(scratch + plan.a_bytes + plan.b_bytes + plan.c_bytes) {}

  /// All panels of [panel, panel_end) × all rows of [row, row_end).
  void run(std::int64_t panel, std::int64_t panel_end, std::int64_t row, std::int64_t row_end) const {
    if (panel >= panel_end || row >= row_end) return;
    const Rows rows(row, row_end);
    std::int64_t begin = 0;
    do {
      const std::int64_t end = std::min(product_.inner, begin + plan_.inner_block);
      run_inner(panel, panel_end, rows, begin, end);
      begin = end;
    } while (begin < product_.inner);
  }

  /// All rows of [row, row_end) where the plan says `small`.
  void run_small(std::int64_t row, std::int64_t row_end) const {
    if (row >= row_end) return;
    const Rows rows(row, row_end);
    const Stream target = target_of(0, row);
    const float* b = product_.b;
    std::int64_t b_stride = product_.b_in_panels ? product_.width : product_.b_inner_stride;
    if (plan_.packs_b) {
      pack_b(0, 0, product_.inner, b_scratch_);
      b = b_scratch_;
      b_stride = product_.width;
    }
    if (plan_.row_tiles) {
      run_row_tiles(rows, b, b_stride, target);
    } else {
      run_small_tiles(rows, b, b_stride, target);
    }
    if (!plan_.rectifier.is_any()) finish(0, row, row_end - row, target);
  }

  /// All rows of [row, row_end) where the plan says `dots`.
  void run_dots(std::int64_t row, std::int64_t row_end) const {
    RowDots dots;
    dots.inner = product_.inner;
    dots.a_stride = product_.a_row_stride;
    dots.b = product_.b;
    dots.b_stride = product_.b_column_stride;
    dots.bias = product_.bias;
    const std::int64_t most = kEpilogueFloats / (product_.c == nullptr ? product_.width : kFewColumns);
    for (; row < row_end; row += dots.rows) {
      const Stream target = target_of(0, row);
      dots.rows = product_.epilogue == nullptr ? row_end - row : std::min(row_end - row, most);
      dots.a = product_.a + row * dots.a_stride;
      dots.c = reinterpret_cast<float*>(target.data);
      dots.c_stride = target.row_stride;
      kRowDots[static_cast<std::size_t>(product_.columns - 1)](dots);
      finish(0, row, dots.rows, target);
    }
  }

  /// At most kFewRows rows, B in panels: several panels side by side.
  void run_few_rows(std::int64_t panel, std::int64_t panel_end) const {
    switch (product_.rows) {
      case 1:
        return run_few_rows<1, few_rows_panels<1>()>(panel, panel_end);
      case 2:
        return run_few_rows<2, few_rows_panels<2>()>(panel, panel_end);
      case 3:
        return run_few_rows<3, few_rows_panels<3>()>(panel, panel_end);
      default:
        return run_few_rows<4, few_rows_panels<4>()>(panel, panel_end);
    }
  }

 private:
  /// Rows cut as evenly as possible into tiles: the first `higher` ones have one row more than the others.
  struct Rows {
    std::int64_t first = 0;
    std::int64_t tiles = 0;
    std::int64_t height = 0;
    std::int64_t higher = 0;

    Rows(std::int64_t row, std::int64_t row_end) : first(row) {
      const std::int64_t count = row_end - row;
      tiles = (count + kMaxRows - 1) / kMaxRows;
      const std::int64_t missing = tiles * kMaxRows - count;
      height = missing <= tiles ? kMaxRows - 1 : count / tiles;  // divisions take as long as some tiles
      higher = count - height * tiles;
    }
    std::int64_t begin_of(std::int64_t tile) const { return first + tile * height + std::min(tile, higher); }
    std::int64_t height_of(std::int64_t tile) const { return height + (tile < higher ? 1 : 0); }
  };

  void run_row_tiles(const Rows& rows, const float* b, std::int64_t b_stride, const Stream& target) const {
    RowTiles call;
    call.inner = product_.inner;
    call.a = product_.a + rows.first * product_.a_row_stride;
    call.a_stride = product_.a_row_stride;
    call.b = b;
    call.b_stride = b_stride;
    call.c = reinterpret_cast<float*>(target.data);
    call.c_stride = target.row_stride;
    call.columns = product_.columns;
    call.bias = product_.bias;
    call.rectifier = plan_.rectifier;
    if (call.rectifier.gates != nullptr) call.rectifier.gates += rows.first * call.rectifier.gates_stride;
    const auto& of_height = row_tiles_for(product_.columns, is_narrow_panel());
    const auto run_tiles = [&](std::int64_t tiles, std::int64_t height) {
      if (tiles == 0) return;
      call.tiles = tiles;
      of_height[static_cast<std::size_t>(height - 1)](call);
      call.a += tiles * height * call.a_stride;
      call.c += tiles * height * call.c_stride;
      if (call.rectifier.gates != nullptr) call.rectifier.gates += tiles * height * call.rectifier.gates_stride;
    };
    run_tiles(rows.higher, rows.height + 1);
    run_tiles(rows.tiles - rows.higher, rows.height);
  }

  void run_small_tiles(const Rows& rows, const float* b, std::int64_t b_stride, const Stream& target) const {
    const Layout layout = along_inner() ? Layout::inner_contiguous : Layout::rows_contiguous;
    MicroTile tile;
    tile.inner = product_.inner;
    tile.a = product_.a + rows.first * product_.a_row_stride;
    tile.a_stride = along_inner() ? product_.a_row_stride : product_.a_inner_stride;
    tile.b = b;
    tile.b_stride = b_stride;
    tile.c = reinterpret_cast<float*>(target.data);
    tile.c_stride = target.row_stride;
    tile.columns = product_.columns;
    tile.bias = product_.bias;
    tile.accumulate = product_.accumulate;
    tile.pads = product_.c_in_panels;
    const Kernels& kernels = kernels_for(layout, tile.columns);
    for (std::int64_t t = 0; t < rows.tiles; ++t) {
      const std::int64_t height = rows.height_of(t);
      kernels[static_cast<std::size_t>(height - 1)](tile);
      tile.a += height * product_.a_row_stride;
      tile.c += height * target.row_stride;
    }
  }

  /// Where the innermost loop finds its rows of A, and how.
  struct Left {
    const float* data = nullptr;
    std::int64_t stride = 0;
    Layout layout = Layout::inner_contiguous;
  };

  void run_inner(std::int64_t panel, std::int64_t panel_end, const Rows& rows, std::int64_t begin, std::int64_t end) const {
    const bool all_at_once = plan_.packs_b && plan_.packs_all_b;
    if (all_at_once) {
      for (std::int64_t p = panel; p < panel_end; ++p) pack_b(p, begin, end, packed_b(p - panel, end - begin));
    }
    for (std::int64_t tile = 0; tile < rows.tiles; tile += plan_.tiles_per_block) {
      const std::int64_t tile_end = std::min(rows.tiles, tile + plan_.tiles_per_block);
      if (plan_.packs_a) pack_a(rows, tile, tile_end, begin, end);
      for (std::int64_t p = panel; p < panel_end; ++p) {
        const float* b = product_.b;
        if (product_.b_in_panels) {
          b += (p * product_.inner + begin) * product_.width;
        } else if (plan_.packs_b) {
          if (!all_at_once) pack_b(p, begin, end, b_scratch_);
          b = all_at_once ? packed_b(p - panel, end - begin) : b_scratch_;
        } else {
          b += begin * product_.b_inner_stride + p * product_.width;
        }
        run_tiles(p, rows, tile, tile_end, b, begin, end);
      }
    }
  }

  float* packed_b(std::int64_t index, std::int64_t inner) const { return b_scratch_ + index * inner * product_.width; }

  /// A panel in slices of plan_.slice columns, one after the other.
  void pack_b(std::int64_t panel, std::int64_t begin, std::int64_t end, float* to) const {
    const std::int64_t first_column = panel * product_.width;
    const std::int64_t count = std::min(product_.width, product_.columns - first_column);
    for (std::int64_t column = 0; column < count; column += plan_.slice) {
      const float* const from = product_.b + (first_column + column) * product_.b_column_stride;
      for (std::int64_t j = begin; j < end;) {
        const std::int64_t block = j / product_.b_block;
        const std::int64_t inside = j - block * product_.b_block;
        const std::int64_t part = std::min(end - j, product_.b_block - inside);
        pack_strided(from + block * product_.b_block_stride + inside * product_.b_inner_stride, product_.b_inner_stride,
                     product_.b_column_stride, part, count - column, plan_.slice, to);
        to += part * plan_.slice;
        j += part;
      }
    }
  }

  bool along_inner() const { return product_.a_inner_stride == 1; }
  float* packed_a(std::int64_t index) const { return a_scratch_ + index * plan_.a_tile_floats; }

  /// Rows of A as they are, or in scratch.
  Left left_of(const Rows& rows, std::int64_t first_tile, std::int64_t tile, std::int64_t begin) const {
    const Layout layout = along_inner() ? Layout::inner_contiguous : Layout::rows_contiguous;
    if (plan_.packs_a) return {packed_a(tile - first_tile), plan_.a_stride, layout};
    const float* const data = product_.a + rows.begin_of(tile) * product_.a_row_stride + begin * product_.a_inner_stride;
    return {data, along_inner() ? product_.a_row_stride : product_.a_inner_stride, layout};
  }

  /// Each tile keeps the layout of A, with strides that do not conflict; strided both ways, it becomes contiguous in its rows.
  void pack_a(const Rows& rows, std::int64_t first_tile, std::int64_t tile_end, std::int64_t begin, std::int64_t end) const {
    if (!along_inner() && product_.a_row_stride == 1) return pack_a_rows(rows, first_tile, tile_end, begin, end);
    for (std::int64_t tile = first_tile; tile < tile_end; ++tile) {
      const float* const from = product_.a + rows.begin_of(tile) * product_.a_row_stride + begin * product_.a_inner_stride;
      float* const to = packed_a(tile - first_tile);
      const std::int64_t height = rows.height_of(tile);
      if (along_inner()) {
        pack_slices(from, product_.a_row_stride, height, end - begin, plan_.a_stride, to);
      } else {
        for (std::int64_t j = 0; j < end - begin; ++j) {
          for (std::int64_t r = 0; r < height; ++r) {
            to[j * plan_.a_stride + r] = from[r * product_.a_row_stride + j * product_.a_inner_stride];
          }
        }
      }
    }
  }

  /// Rows that are contiguous: each line of A is read once, for all tiles that have a part of it, and asked for ahead. Whole
  /// vectors are moved where the next rows overwrite what is too much of them: parts of vectors are slow.
  void pack_a_rows(const Rows& rows, std::int64_t first_tile, std::int64_t tile_end, std::int64_t begin, std::int64_t end) const {
    const float* from = product_.a + rows.begin_of(first_tile) + begin * product_.a_inner_stride;
    Fetch ahead{reinterpret_cast<const std::byte*>(from + kRowsAhead * product_.a_inner_stride),
                product_.a_inner_stride * static_cast<std::int64_t>(sizeof(float)),
                (rows.begin_of(tile_end) - rows.begin_of(first_tile)) * static_cast<std::int64_t>(sizeof(float)), false};
    for (std::int64_t j = 0; j < end - begin; ++j, from += product_.a_inner_stride) {
      fetch_row(ahead);
      float* to = a_scratch_ + j * plan_.a_stride;
      if (j + kLanes <= end - begin && product_.a_inner_stride >= kLanes) {
        const std::int64_t higher = std::clamp<std::int64_t>(rows.higher - first_tile, 0, tile_end - first_tile);
        const std::int64_t height = rows.height + 1;
        pack_wholly(from, height, higher, to, plan_.a_tile_floats);
        pack_wholly(from + higher * height, rows.height, tile_end - first_tile - higher, to + higher * plan_.a_tile_floats,
                    plan_.a_tile_floats);
        continue;
      }
      const float* part = from;
      for (std::int64_t tile = first_tile; tile < tile_end; ++tile) {
        const std::int64_t height = rows.height_of(tile);
        pack_exactly(part, height, to);
        part += height;
        to += plan_.a_tile_floats;
      }
    }
  }

  void run_tiles(std::int64_t panel, const Rows& rows, std::int64_t first_tile, std::int64_t tile_end, const float* b,
                 std::int64_t begin, std::int64_t end) const {
    const bool is_last = end == product_.inner;
    Ahead ahead;
    if (is_last && plan_.fetches) ahead = ahead_of(panel, rows.begin_of(first_tile));
    const std::int64_t tiles = tiles_per_epilogue(product_.width);
    for (std::int64_t tile = first_tile; tile < tile_end; tile += tiles) {
      const std::int64_t chunk_end = std::min(tile_end, tile + tiles);
      const std::int64_t row = rows.begin_of(tile);
      const std::int64_t count = rows.begin_of(chunk_end) - row;
      const Stream target = target_of(panel, row);
      for (std::int64_t t = tile; t < chunk_end; ++t) {
        const std::int64_t tile_row = rows.begin_of(t);
        float* const c = reinterpret_cast<float*>(target.data) + (tile_row - row) * target.row_stride;
        run_tile(panel, rows.height_of(t), left_of(rows, first_tile, t, begin), b, c, target.row_stride, begin, end, ahead);
      }
      if (is_last) finish(panel, row, count, target);
    }
  }

  /// What a panel's tiles will touch when their sums are complete, from the next tile on.
  struct Ahead {
    Fetch fetches[5];
    int count = 0;
    bool takes = false;

    /// The part of a tile of `rows` rows.
    void hand_out(std::int64_t rows, MicroTile& tile) {
      tile.fetch_count = count;
      tile.takes = takes;
      for (int f = 0; f < count; ++f) {
        tile.fetches[f] = fetches[f];
        fetches[f].row += rows * fetches[f].row_bytes;
      }
    }
  };
  Ahead ahead_of(std::int64_t panel, std::int64_t row) const {
    Ahead ahead;
    const std::int64_t columns = std::min(product_.width, product_.columns - panel * product_.width);
    constexpr std::int64_t kBytes = sizeof(float);
    if (product_.c != nullptr) {
      const Stream target = target_of(panel, row);
      ahead.fetches[ahead.count++] = {target.data, target.row_stride * kBytes, columns * kBytes, true};
    }
    if (product_.epilogue == nullptr) return ahead;
    const std::span<Fetch> free = std::span(ahead.fetches).subspan(static_cast<std::size_t>(ahead.count));
    ahead.count += product_.c_in_panels ? product_.epilogue->fetches(panel * product_.rows + row, 0, product_.width, free)
                                        : product_.epilogue->fetches(row, panel * product_.width, columns, free);
    // Tiles for the epilogue alone: it is an update, and writes weights first, which the workers have all read.
    ahead.takes = product_.c == nullptr && ahead.count > 0 && ahead.fetches[0].to_write;
    return ahead;
  }

  Stream target_of(std::int64_t panel, std::int64_t row) const {
    if (product_.c == nullptr && !plan_.keeps_sums) return {reinterpret_cast<std::byte*>(c_scratch_), product_.width, 1};
    float* const c = product_.c == nullptr ? c_scratch_ : product_.c;
    float* const first = product_.c_in_panels ? c + (panel * product_.rows + row) * product_.width
                                              : c + row * product_.c_row_stride + panel * product_.width;
    return {reinterpret_cast<std::byte*>(first), product_.c_in_panels ? product_.width : product_.c_row_stride, 1};
  }

  /// One tile of rows × the whole width of the panel.
  void run_tile(std::int64_t panel, std::int64_t height, const Left& left, const float* b, float* c, std::int64_t c_stride,
                std::int64_t begin, std::int64_t end, Ahead& ahead) const {
    MicroTile tile;
    tile.inner = end - begin;
    tile.a = left.data;
    tile.a_stride = left.stride;
    tile.b_stride = plan_.packs_b ? plan_.slice : product_.b_in_panels ? product_.width : product_.b_inner_stride;
    tile.c_stride = c_stride;
    tile.accumulate = begin > 0 || product_.accumulate;
    tile.pads = product_.c_in_panels;
    const std::int64_t first_column = panel * product_.width;
    const std::int64_t columns = std::min(product_.width, product_.columns - first_column);
    const auto index = static_cast<std::size_t>(height - 1);
    ahead.hand_out(height, tile);
    for (std::int64_t column = 0; column < columns;) {
      const std::int64_t step = std::min<std::int64_t>(kTileVectors * kLanes, product_.width);
      tile.b = b + (plan_.packs_b && plan_.slice < product_.width ? column * tile.inner : column);
      tile.c = c + column;
      tile.columns = columns - column;
      tile.bias = product_.bias == nullptr ? nullptr : product_.bias + first_column + column;
      kernels_for(left.layout, tile.columns)[index](tile);
      tile.fetch_count = 0;
      column += step;
    }
  }

  using Kernels = std::array<MicroKernel, kMaxRows>;
  bool is_narrow_panel() const { return product_.width < kTileVectors * kLanes || is_narrow(product_); }
  const Kernels& kernels_for(Layout layout, std::int64_t columns) const {
    return is_narrow_panel() ? narrow_kernels(layout, columns) : kernels_of<kTileVectors, Floats>(layout);
  }
  static const Kernels& narrow_kernels(Layout layout, [[maybe_unused]] std::int64_t columns) {
    if constexpr (kHasHalves) {
      if (columns <= kLanes / 2) return kernels_of<1, HalfFloats>(layout);
    }
    return kernels_of<1, Floats>(layout);
  }
  template <int kVectors, class D>
  static const Kernels& kernels_of(Layout layout) {
    return layout == Layout::inner_contiguous ? kMicroKernels<Layout::inner_contiguous, kVectors, D>
                                              : kMicroKernels<Layout::rows_contiguous, kVectors, D>;
  }

  /// Zeros beyond those that the tiles have written.
  void pad(std::int64_t columns, std::int64_t count, const Stream& target) const {
    const std::int64_t step = is_narrow(product_) ? kLanes : std::min<std::int64_t>(kTileVectors * kLanes, product_.width);
    const std::int64_t padded = (columns + step - 1) / step * step;
    float* const c = reinterpret_cast<float*>(target.data);
    for (std::int64_t r = 0; r < count && padded < product_.width; ++r)
      std::fill(c + r * target.row_stride + padded, c + r * target.row_stride + product_.width, 0.0F);
  }

  /// The epilogue on finished rows; before it, zeros in the padding of a result in panels.
  void finish(std::int64_t panel, std::int64_t row, std::int64_t count, const Stream& target) const {
    const std::int64_t columns = std::min(product_.width, product_.columns - panel * product_.width);
    if (product_.c_in_panels && columns < product_.width) pad(columns, count, target);
    if (product_.epilogue == nullptr) return;
    if (product_.c_in_panels) {
      product_.epilogue->run(panel * product_.rows + row, count, 0, product_.width, target, epilogue_scratch_);
    } else {
      product_.epilogue->run(row, count, panel * product_.width, columns, target, epilogue_scratch_);
    }
  }

  template <int kRows, int kPanels>
  void run_few_rows(std::int64_t panel, std::int64_t panel_end) const {
    if constexpr (kPanels > 1) {
      for (; panel + kPanels <= panel_end; panel += kPanels) run_panels<kRows, kPanels>(panel);
      run_few_rows<kRows, kPanels / 2>(panel, panel_end);
    } else if constexpr (kPanels == 1) {
      for (; panel < panel_end; ++panel) run_panels<kRows, 1>(panel);
    } else {
      run(panel, panel_end, 0, kRows);
    }
  }

  template <int kRows, int kPanels>
  void run_panels(std::int64_t panel) const {
    const std::int64_t column = panel * kMaxWidth;
    MicroTile tile;
    tile.inner = product_.inner;
    tile.a = product_.a;
    tile.a_stride = product_.a_row_stride;
    tile.b = product_.b + column * product_.inner;
    tile.b_stride = kMaxWidth;
    tile.b_panel_stride = kMaxWidth * product_.inner;
    tile.c = product_.c + column;
    tile.c_stride = product_.c_row_stride;
    tile.columns = product_.columns - column;
    tile.bias = product_.bias == nullptr ? nullptr : product_.bias + column;
    tile.accumulate = product_.accumulate;
    micro_kernel<Layout::inner_contiguous, kRows, kMaxWidth / kLanes, kPanels>(tile);
    if (product_.epilogue == nullptr) return;
    const Stream target{reinterpret_cast<std::byte*>(tile.c), tile.c_stride, 1};
    product_.epilogue->run(0, kRows, column, std::min<std::int64_t>(tile.columns, kPanels * kMaxWidth), target, epilogue_scratch_);
  }

  const PanelProduct& product_;
  const ProductPlan& plan_;
  float* a_scratch_;
  float* b_scratch_;
  float* c_scratch_;
  std::byte* epilogue_scratch_;
};

/// Panels × rows, flattened, fall to the workers in equal runs: the end of one panel, some whole panels, the beginning of another.
/// Where A is the larger operand, and its rows are whole or packed, workers share the rows instead: what a worker reads it then
/// wrote itself in the layer before, what crosses between the cores is the smaller operand, and no row is packed twice.
void run_product(const PreparedProduct& prepared, std::byte* scratch, Worker worker) {
  const PanelProduct& product = prepared.product;
  if (product.rows <= 0 || product.columns <= 0) return;
  const ProductRun run(product, prepared.plan, scratch);
  if (prepared.plan.small && worker.count == 1) return run.run_small(0, product.rows);
  if (prepared.plan.dots) {
    const WorkRange rows = split_work(static_cast<std::size_t>(product.rows), worker, kAlignment / sizeof(float));
    return run.run_dots(static_cast<std::int64_t>(rows.begin), static_cast<std::int64_t>(rows.end));
  }
  const std::int64_t panels = product.panels();
  const bool whole_panels = product.rows <= kMaxRows && panels >= worker.count;
  const bool few_rows =
      whole_panels && product.rows <= kFewRows && product.width == kMaxWidth && product.b_in_panels && product.a_inner_stride == 1;
  const bool shares_rows = product.rows >= product.columns && (product.a_inner_stride == 1 || prepared.plan.packs_a);
  if (!few_rows && (worker.count == 1 || shares_rows)) {
    const WorkRange rows = split_work(static_cast<std::size_t>(product.rows), worker);
    if (prepared.plan.small) return run.run_small(static_cast<std::int64_t>(rows.begin), static_cast<std::int64_t>(rows.end));
    return run.run(0, panels, static_cast<std::int64_t>(rows.begin), static_cast<std::int64_t>(rows.end));
  }
  const WorkRange share = split_work(static_cast<std::size_t>(panels * product.rows), worker,
                                     whole_panels ? static_cast<std::size_t>(product.rows) : 1);
  if (share.begin == share.end) return;
  const auto begin = static_cast<std::int64_t>(share.begin);
  const auto end = static_cast<std::int64_t>(share.end);
  const std::int64_t first = begin / product.rows;
  const std::int64_t last = end / product.rows;
  if (few_rows) return run.run_few_rows(first, last);
  const std::int64_t head = begin % product.rows;
  const std::int64_t tail = end % product.rows;
  if (prepared.plan.small) return run.run_small(begin, end);
  if (first == last) return run.run(first, first + 1, head, tail);
  if (head > 0) run.run(first, first + 1, head, product.rows);
  run.run(head > 0 ? first + 1 : first, last, 0, product.rows);
  if (tail > 0) run.run(last, last + 1, 0, tail);
}

ProductPlan plan_for_target(const PanelProduct& product) {
  return plan_product(product, kMaxRows, kTileVectors * kLanes, is_narrow(product));
}

}  // namespace neurons::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace neurons::kernels {

HWY_EXPORT(run_product);
HWY_EXPORT(plan_for_target);

PreparedProduct prepare(const PanelProduct& product) noexcept { return {product, HWY_DYNAMIC_DISPATCH(plan_for_target)(product)}; }
void run(const PreparedProduct& prepared, std::byte* scratch, Worker worker) noexcept {
  HWY_DYNAMIC_DISPATCH(run_product)(prepared, scratch, worker);
}
void run(const PanelProduct& product, std::byte* scratch, Worker worker) noexcept { run(prepare(product), scratch, worker); }
std::size_t scratch_bytes(const PanelProduct& product) noexcept { return prepare(product).scratch_bytes(); }

}  // namespace neurons::kernels
#endif  // HWY_ONCE
