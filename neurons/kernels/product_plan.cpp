#include "neurons/kernels/product_plan.hpp"

namespace neurons::kernels {
namespace {

/// Inner indices per pass: a panel's part is then at most 128 KB, so that it stays in the second-level cache with much room to
/// spare.
constexpr std::int64_t kInnerBlock = 1024;
/// Part of A that meets all panels before the next part does: a quarter of a 1 MB second-level cache.
constexpr std::int64_t kBlockBytes = 256 * 1024;

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }
std::size_t float_bytes(std::int64_t count) noexcept { return align_up(static_cast<std::size_t>(count) * sizeof(float)); }

}  // namespace

ProductPlan plan_product(const PanelProduct& product, std::int64_t tile_rows) noexcept {
  ProductPlan plan;
  const std::int64_t panels = product.panels();
  const std::int64_t passes = product.c == nullptr ? 1 : std::max<std::int64_t>(1, divide_up(product.inner, kInnerBlock));
  plan.inner_block = std::max<std::int64_t>(32, divide_up(divide_up(product.inner, passes), 32) * 32);
  const std::int64_t inner = std::min(plan.inner_block, product.inner);

  const bool a_along_rows = product.a_inner_stride != 1;
  plan.packs_a = a_along_rows && (product.a_row_stride != 1 || (panels >= 4 && product.rows >= 2 * tile_rows && inner >= 32));

  const std::int64_t tiles = divide_up(product.rows, tile_rows) + 1;
  plan.tiles_per_block = tiles;
  if (plan.packs_a || product.b_in_panels) {
    plan.tiles_per_block = std::clamp<std::int64_t>(kBlockBytes / std::max<std::int64_t>(1, inner * 4 * tile_rows), 2, tiles);
  }

  const bool b_direct = product.b_in_panels || (product.b_column_stride == 1 && product.columns % product.width == 0 &&
                                                (product.b_inner_stride == product.width || product.rows <= tile_rows));
  plan.packs_b = !b_direct;
  plan.packs_all_b = plan.packs_b && plan.tiles_per_block < tiles;
  if (plan.packs_a) plan.a_bytes = float_bytes(std::min(product.rows, plan.tiles_per_block * tile_rows) * inner);
  if (plan.packs_b) plan.b_bytes = float_bytes((plan.packs_all_b ? panels : 1) * inner * product.width);
  if (product.c == nullptr) plan.c_bytes = float_bytes(32 * product.width);
  return plan;
}

}  // namespace neurons::kernels
