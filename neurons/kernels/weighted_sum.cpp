#include "neurons/kernels/weighted_sum.hpp"

#include "neurons/kernels/few_rows.hpp"
#include "neurons/kernels/prepared_product.hpp"

namespace neurons::kernels {
namespace {

static_assert(kFewOutputs == kFewColumns);  // weights by output are for dot products

PanelProduct product_of(const WeightedSumForward& call) noexcept {
  PanelProduct product;
  product.rows = call.rows;
  product.inner = call.shape.inputs;
  product.columns = call.shape.outputs;
  product.width = panel_width(product.columns);
  product.a = call.x;
  product.a_row_stride = call.x_row_stride;
  product.a_inner_stride = call.x_column_stride;
  product.b = call.panels;
  if (call.shape.by_output) {
    product.b_inner_stride = 1;
    product.b_column_stride = call.shape.inputs;
  } else {
    product.b_in_panels = true;
  }
  product.bias = call.bias;
  product.c = call.y;
  product.c_row_stride = call.y_row_stride;
  product.epilogue = call.epilogue;
  return product;
}

/// dX = dZ · Wᵀ: the columns of Wᵀ are rows of the panels.
PanelProduct product_of(const WeightedSumInputGradient& call) noexcept {
  PanelProduct product;
  product.rows = call.rows;
  product.inner = call.shape.outputs;
  product.columns = call.shape.inputs;
  product.width = panel_width(product.columns);
  product.a = call.dz;
  product.a_row_stride = call.dz_row_stride;
  product.b = call.panels;
  if (call.shape.by_output) {
    product.b_inner_stride = call.shape.inputs;
  } else {
    product.b_block = call.shape.width();
    product.b_block_stride = call.shape.width() * call.shape.inputs;
    product.b_inner_stride = 1;
    product.b_column_stride = call.shape.width();
  }
  product.c = call.dx;
  product.c_row_stride = call.dx_row_stride;
  product.epilogue = call.epilogue;
  return product;
}

/// dW = Xᵀ · dZ; by output dWᵀ = dZᵀ · X.
PanelProduct product_of(const WeightedSumWeightGradient& call) noexcept {
  PanelProduct product;
  if (call.shape.by_output) {
    product.rows = call.shape.outputs;
    product.inner = call.rows;
    product.columns = call.shape.inputs;
    product.width = panel_width(product.columns);
    product.a = call.dz;
    product.a_row_stride = 1;
    product.a_inner_stride = call.dz_row_stride;
    product.b = call.x;
    product.b_inner_stride = call.x_row_stride;
    product.c = call.panels;
    product.c_row_stride = call.panels == nullptr ? product.panels() * product.width : product.columns;
    product.epilogue = call.epilogue;
    return product;
  }
  product.rows = call.shape.inputs;
  product.inner = call.rows;
  product.columns = call.shape.outputs;
  product.width = call.shape.width();
  product.a = call.x;
  product.a_row_stride = 1;
  product.a_inner_stride = call.x_row_stride;
  product.b = call.dz;
  product.b_inner_stride = call.dz_row_stride;
  product.c = call.panels;
  product.c_in_panels = true;
  product.epilogue = call.epilogue;
  return product;
}

PanelProduct product_of(const MatrixProduct& call) noexcept {
  PanelProduct product;
  product.rows = call.rows;
  product.inner = call.inner;
  product.columns = call.columns;
  product.width = panel_width(call.columns);
  product.a = call.a;
  product.a_row_stride = call.a_row_stride;
  product.a_inner_stride = call.a_column_stride;
  product.b = call.b;
  product.b_inner_stride = call.b_row_stride;
  product.b_column_stride = call.b_column_stride;
  product.bias = call.bias;
  product.c = call.c;
  product.c_row_stride = call.c_row_stride;
  product.epilogue = call.epilogue;
  return product;
}

}  // namespace

PreparedProduct prepare(const WeightedSumForward& call) noexcept { return prepare(product_of(call)); }
PreparedProduct prepare(const WeightedSumInputGradient& call) noexcept { return prepare(product_of(call)); }
PreparedProduct prepare(const WeightedSumWeightGradient& call) noexcept { return prepare(product_of(call)); }

std::size_t scratch_bytes(const WeightedSumForward& call) noexcept { return scratch_bytes(product_of(call)); }
void weighted_sum(const WeightedSumForward& call, std::byte* scratch, Worker worker) noexcept {
  run(product_of(call), scratch, worker);
}

std::size_t scratch_bytes(const WeightedSumInputGradient& call) noexcept {
  return has_few_rows(call) ? few_rows_scratch_bytes(call) : scratch_bytes(product_of(call));
}
void weighted_sum_input_gradient(const WeightedSumInputGradient& call, std::byte* scratch, Worker worker) noexcept {
  has_few_rows(call) ? run_few_rows(call, scratch, worker) : run(product_of(call), scratch, worker);
}

std::size_t scratch_bytes(const WeightedSumWeightGradient& call) noexcept { return scratch_bytes(product_of(call)); }
void weighted_sum_weight_gradient(const WeightedSumWeightGradient& call, std::byte* scratch, Worker worker) noexcept {
  run(product_of(call), scratch, worker);
}

std::size_t scratch_bytes(const MatrixProduct& call) noexcept { return scratch_bytes(product_of(call)); }
void matrix_product(const MatrixProduct& call, std::byte* scratch, Worker worker) noexcept {
  run(product_of(call), scratch, worker);
}

}  // namespace neurons::kernels
