#include "neurons/kernels/recurrent_walk.hpp"

namespace neurons::kernels {

GateProductBack::GateProductBack(const RecurrentShape& shape, const float* turned, std::int64_t first, std::int64_t end,
                                 FloatRows slopes, FloatRows dh, std::int64_t rows) noexcept {
  const GateShape& gates = shape.gates;
  const std::int64_t width = panel_width(gates.hidden);
  const bool all = first == 0 && end == gates.gates;
  panels_ = all ? 1 : (gates.hidden + width - 1) / width;
  panel_floats_ = gates.columns() * width;
  PanelProduct product;
  product.rows = rows;
  product.inner = (end - first) * gates.padded();
  product.columns = all ? gates.hidden : std::min(width, gates.hidden);
  product.width = width;
  product.a = slopes.at(0, first * gates.padded()).data;
  product.a_row_stride = slopes.stride;
  product.b = turned + first * gates.padded() * width;
  product.b_in_panels = true;
  product.c = dh.data;
  product.c_row_stride = dh.stride;
  whole_ = prepare(product);
  if (!all) product.columns = gates.hidden - (panels_ - 1) * width;
  last_ = prepare(product);
}

void GateProductBack::run(std::byte* scratch) noexcept {
  for (std::int64_t panel = 0; panel < panels_; ++panel) {
    PreparedProduct part = panel + 1 < panels_ ? whole_ : last_;
    part.product.b += panel * panel_floats_;
    part.product.c += panel * part.product.width;
    neurons::kernels::run(part, scratch, {0, 1});
  }
}

}  // namespace neurons::kernels
