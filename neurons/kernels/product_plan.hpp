#pragma once
/// How a panel product is blocked for the caches: a function of its sizes alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/panel_product.hpp"

namespace neurons::kernels {

/// Blocking of one product.
struct ProductPlan {
  std::int64_t inner_block = 0;      ///< inner indices per pass
  std::int64_t tiles_per_block = 0;  ///< row tiles that meet all panels before the next ones do
  bool packs_a = false;              ///< A goes through scratch, tile by tile
  bool packs_b = false;              ///< B goes through scratch, panel by panel
  bool packs_all_b = false;          ///< … all panels of a pass before the first product
  std::size_t a_bytes = 0;
  std::size_t b_bytes = 0;
  std::size_t c_bytes = 0;

  std::size_t scratch_bytes(const PanelProduct& product) const noexcept {
    return a_bytes + b_bytes + c_bytes + (product.epilogue == nullptr ? 0 : product.epilogue->scratch_bytes());
  }
};

/// The plan for register tiles of at most `tile_rows` rows.
ProductPlan plan_product(const PanelProduct& product, std::int64_t tile_rows) noexcept;

}  // namespace neurons::kernels
