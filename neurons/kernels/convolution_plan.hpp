#pragma once
/// Which inputs each position of a convolution sees, worked out once: private to the convolution kernels.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "neurons/base/aligned_buffer.hpp"
#include "neurons/kernels/convolution.hpp"

namespace neurons::kernels {

/// One axis of a pass. Position q reads the inputs origin + q · step + offset for each of the offsets, and writes the result
/// out_first + q · out_step.
struct AxisTaps {
  std::int64_t positions = 0;
  std::int64_t step = 1;
  std::int64_t origin = 0;  ///< below 0: in the padding
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> taps;  ///< the place in the window of each offset
  std::int64_t extent = 1;         ///< inputs that exist
  std::int64_t out_first = 0;
  std::int64_t out_step = 1;

  /// Inputs, existing or not, that `count` positions span.
  std::int64_t span(std::int64_t count) const {
    return offsets.empty() || count == 0 ? 0 : (count - 1) * step + offsets.back() + 1;
  }
  bool stays_inside() const { return offsets.empty() || (origin >= 0 && origin + span(positions) <= extent); }
};

/// Pixels that lie beside one another in a copy as neighbouring positions see them: for one tap of the columns, the rows that taps
/// of the same phase see.
struct Gathered {
  std::int64_t column = 0;  ///< the tap's offset
  std::int64_t row = 0;     ///< the first row's, which others follow as positions do
  std::int64_t more = 0;    ///< rows behind those of the positions
  std::int64_t begin = 0;   ///< in the copy
};

/// All positions whose windows show the same places: one pass forward, as many as strides have phases for the input gradient.
struct ConvolutionPass {
  std::array<AxisTaps, 3> axes;
  std::int64_t tap_begin = 0;  ///< taps of earlier passes, in the order of the panels
  std::int64_t taps = 0;
  bool copies = false;                     ///< some window reaches into the padding: rows are copied with zeros around them
  bool gathers = false;                    ///< … or rows of few positions: pixels are copied as positions see them, tap by tap
  bool merges = false;                     ///< each row of positions goes on where the one before ends, in inputs and results
  std::vector<Gathered> gathered;          ///< what is copied then
  std::int64_t band = 1;                   ///< rows of positions at a time
  std::int64_t position_pitch = 0;         ///< floats from what one position sees to what the next does
  std::int64_t row_pitch = 0;              ///< floats from one row of inputs to the next, in the copy or in place
  std::int64_t plane_pitch = 0;            ///< … from one plane
  std::int64_t steps = 0;                  ///< floats of a segment
  std::vector<std::int64_t> segments;      ///< where each begins, from the first float that a position sees
  std::vector<std::int64_t> rows_of_band;  ///< for weight gradients: where each row of positions begins
};

/// A tile of rows of weight-gradient panels: neighbours in the window, or channels of one place; or such runs of three neighbouring
/// segments, where a single one is too short.
struct WeightTile {
  std::int64_t offset = 0;  ///< of its first input from the first float that a position sees
  std::int64_t row = 0;     ///< in the panel
  std::int64_t height = 0;  ///< of each run
  std::int64_t runs = 1;
  std::int64_t run_offset = 0;  ///< from one run's first input to the next's
};

/// How many runs a tile has that has several.
inline constexpr int kTileRuns = 3;

/// What is worked out once where each result sums few products: everything that would be looked up between two tiles.
struct ShortSums {
  /// Where a tile of positions begins: what its first position sees, and its first result, in floats from those of the rows.
  struct Place {
    std::int64_t a = 0;
    std::int64_t c = 0;
  };
  /// All tiles of one height.
  struct Tiles {
    std::int64_t height = 0;
    std::int64_t of_row = 0;
    std::vector<Place> places;  ///< row by row
  };
  std::int64_t rows = 1;              ///< of positions at a time
  std::vector<std::int64_t> offsets;  ///< of each input from the first float that a position sees
  std::array<Tiles, 2> tiles;
};

/// At most so few results of a position are summed term beside term, not result beside result …
inline constexpr int kMostDots = 4;
/// … where terms come in such numbers beside one another, whole vectors of every target, and so many for each result.
inline constexpr std::int64_t kDotTerms = 16;

/// Rows of positions of one pass before those of the next, and before they are spread.
inline constexpr std::int64_t kRowsOfPass = 8;

struct PreparedConvolution::Plan {
  enum class Kind : std::uint8_t { sums, weight_gradient };
  Kind kind = Kind::sums;
  bool depthwise = false;
  // sums: y of the forward pass, dx of the input gradient
  std::int64_t batch = 0;
  std::int64_t groups = 1;
  std::int64_t group_inputs = 0;   ///< floats of a pixel that one group sees
  std::int64_t group_outputs = 0;  ///< results of a pixel that one group gives
  std::int64_t all_taps = 0;
  ConvolutionShape::Axes in{};
  ConvolutionShape::Axes out{};
  const float* x = nullptr;
  const float* panels = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  const Program* epilogue = nullptr;
  std::vector<ConvolutionPass> passes;
  std::optional<ShortSums> short_sums;
  bool dots = false;                       ///< term beside term
  std::optional<std::size_t> spread_pass;  ///< the only pass with taps, where others only write the bias: its sums are spread
  // weight gradients: `x` as above, of the forward pass
  const float* dy = nullptr;
  float* weights = nullptr;
  std::vector<WeightTile> tiles;
  std::int64_t unit_columns = 32;           ///< of a panel that a worker takes at a time: all, or half where there are few tiles
  std::int64_t images = 1;                  ///< at a time
  std::vector<std::int64_t> gradient_rows;  ///< of these: where each row of positions begins
  bool packs_dy = false;

  std::size_t copy_bytes = 0;
  std::size_t dy_bytes = 0;
  std::size_t sum_bytes = 0;
  std::size_t dot_bytes = 0;     ///< of all weights, column by column
  std::size_t spread_bytes = 0;  ///< of sums that are spread, kRowsOfPass rows, and a pixel that sees nothing

  /// A worker's scratch.
  struct Scratch {
    float* copy;
    float* dy;
    float* sums;
    float* dots;
    float* spread;
    std::byte* epilogue;
  };
  Scratch parts_of(std::byte* scratch) const {
    std::byte* const dy_part = scratch + copy_bytes;
    std::byte* const sum_part = dy_part + dy_bytes;
    std::byte* const dot_part = sum_part + sum_bytes;
    std::byte* const spread_part = dot_part + dot_bytes;
    const auto floats = [](std::byte* part) { return reinterpret_cast<float*>(part); };
    return {floats(scratch), floats(dy_part), floats(sum_part), floats(dot_part), floats(spread_part), spread_part + spread_bytes};
  }

  PanelShape group_panels() const { return {all_taps * group_inputs, group_outputs}; }
  std::int64_t panels_per_group() const { return group_panels().panels(); }
  std::int64_t in_pixel() const { return groups * group_inputs; }
  std::int64_t out_pixel() const { return groups * group_outputs; }
  std::int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  std::int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
  std::size_t scratch_bytes() const {
    return copy_bytes + dy_bytes + sum_bytes + dot_bytes + spread_bytes + (epilogue == nullptr ? 0 : epilogue->scratch_bytes());
  }
};

/// The passes of a forward convolution (one) and of its input gradient (one for each phase of the strides), taps in the order in
/// which the panels hold them.
std::vector<ConvolutionPass> forward_passes(const ConvolutionShape& shape, bool gathers);
std::vector<ConvolutionPass> input_gradient_passes(const ConvolutionShape& shape);

}  // namespace neurons::kernels
