#pragma once
/// The contract of an op: everything about it, in one struct, from one file of `neurons/ops/`.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neurons/base/thread_team.hpp"
#include "neurons/graph/options.hpp"
#include "neurons/kernels/tile.hpp"
#include "neurons/tensor/tensor.hpp"

namespace neurons {

class Graph;
class Value;
struct Chain;
struct OpDef;

/// What shape inference, FLOP counting and the choice of a kernel may look at.
struct InferContext {
  const OpDef& op;
  const Options& options;
  std::span<const TensorType> inputs;  ///< an absent optional input is a TensorType of rank 0 with `present[i] == false`
  std::vector<bool> present;

  bool has(std::size_t index) const { return index < inputs.size() && present[index]; }
  const Shape& shape(std::size_t index) const { return inputs[index].shape; }
  DType dtype(std::size_t index = 0) const { return inputs[index].dtype; }
  template <typename T>
  const T& as() const {
    return options.as<T>();
  }
  /// Throws InputError: "OP: MESSAGE; inputs a f32[2, 3], b f32[4, 5]".
  template <typename... Arguments>
  [[noreturn]] void fail(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    fail_text(fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  [[noreturn]] void fail_text(const std::string& message) const;
  /// Throws unless input `index` has the rank.
  void require_rank(std::size_t index, int rank) const;
};

/// A tensor in double precision, whatever its declared type: what reference implementations read and write. Integers up to 2^53 and
/// booleans (0 or 1) are exact.
struct ReferenceTensor {
  TensorType type;
  std::vector<double> data;
  std::int64_t elements() const { return type.shape.elements(); }
};

/// A tensor in double precision, and back to its own type.
ReferenceTensor widen(const Tensor& tensor);
Tensor narrow(const ReferenceTensor& tensor);

struct ReferenceContext {
  const Options& options;
  std::span<const ReferenceTensor* const> inputs;  ///< null where absent
  std::span<ReferenceTensor> outputs;              ///< typed and sized; filled with NaN
  template <typename T>
  const T& as() const {
    return options.as<T>();
  }
};

/// What a gradient rule sees and says.
class GradientContext {
 public:
  GradientContext(Graph& graph, int node, std::span<const Value> output_gradients);

  const Options& options() const;
  template <typename T>
  const T& as() const {
    return options().as<T>();
  }
  std::size_t input_count() const;
  bool has_input(std::size_t index) const;
  Value input(std::size_t index) const;
  Value output(std::size_t index = 0) const;
  /// True if someone waits for the gradient of this input; rules skip the work otherwise.
  bool wants(std::size_t index) const { return wanted_[index]; }
  /// dL/d output; zeros where none arrives.
  Value gradient(std::size_t index = 0) const;
  bool has_gradient(std::size_t index = 0) const;
  /// States dL/d input. At most once for each input.
  void set(std::size_t index, Value gradient);
  /// Says that the derivative is 0 wherever there is one, as that of steps is: nothing goes back to the inputs. A rule that neither
  /// says so nor states a gradient that is wanted is refused.
  void set_zero() { zero_ = true; }
  Graph& graph() const { return *graph_; }

 private:
  friend class GradientDriver;
  Graph* graph_;
  int node_;
  std::span<const Value> output_gradients_;
  std::vector<bool> wanted_;
  std::vector<int> stated_;  ///< value id for each input, -1 if none
  bool zero_ = false;
};

/// Memory of one operand, fixed when the plan is made. `data` is null for an absent optional operand.
struct Buffer {
  std::byte* data = nullptr;
  TensorType type;

  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
  explicit operator bool() const { return data != nullptr; }
};

struct PrepareContext {
  const OpDef& op;
  const Options& options;
  std::span<const Buffer> inputs;
  std::span<const Buffer> outputs;
  template <typename T>
  const T& as() const {
    return options.as<T>();
  }
  Buffer input(std::size_t index) const { return index < inputs.size() ? inputs[index] : Buffer{}; }
};

/// A kernel call ready to run: a plain function and its prepared arguments.
struct Call {
  using Function = void (*)(const void* arguments, std::byte* scratch, Worker worker) noexcept;
  Function function = nullptr;
  std::shared_ptr<const void> arguments;
  std::size_t scratch_bytes = 0;  ///< for each worker
  bool splits = false;            ///< true if several workers share the work; otherwise one runs it alone

  /// A call of `function(arguments, scratch, worker)` for a struct of arguments.
  template <auto function, typename Arguments>
  static Call of(Arguments arguments, bool splits, std::size_t scratch_bytes = 0) {
    Call call;
    call.arguments = std::make_shared<const Arguments>(std::move(arguments));
    call.function = [](const void* pointer, std::byte* scratch, Worker worker) noexcept {
      function(*static_cast<const Arguments*>(pointer), scratch, worker);
    };
    call.scratch_bytes = scratch_bytes;
    call.splits = splits;
    return call;
  }
};

/// One way to compute an op.
struct Kernel {
  std::string name;
  /// Empty where this kernel can do it, else the reason why not ("only f32"). Null: always can.
  std::function<std::string(const InferContext&)> refuse;
  std::function<Call(const PrepareContext&)> prepare;
};

/// An op whose output elements each depend on the matching elements of its (broadcast) inputs alone. Such ops fuse with one another
/// and into epilogues.
struct Elementwise {
  /// The loop for these input types, or null where there is none.
  std::function<kernels::TileFunction(const InferContext&)> function;
  /// The options struct that the loop reads as Tile::options (null: it reads none).
  std::function<std::shared_ptr<const void>(const Options&)> tile_options;
};

/// A weight operand's preferred way to be stored: the names of the op that packs it and of the one that unpacks it, and the options
/// of both.
struct Layout {
  std::string pack;
  std::string unpack;
  Options options;
  bool operator==(const Layout& other) const = default;
};

/// What a lowering or simplification rule sees: one node of a graph that is being rebuilt. `inputs` are values of the new graph.
struct RewriteContext {
  Graph& graph;
  const OpDef& op;
  const Options& options;
  std::span<const Value> inputs;
  const std::string& name;
};

/// A case on which an op wants to be tested.
struct Sample {
  /// How to fill an input.
  enum class Fill {
    normal,       ///< standard normal, seeded
    positive,     ///< in [0.1, 2]
    unit,         ///< in [-0.9, 0.9]
    away_from_0,  ///< |x| in [0.2, 2]: no kink nearby
    distinct,     ///< no two within 0.1: no ties for max
    probability,  ///< rows sum to 1
    index,        ///< integers in [0, limit)
    boolean,      ///< 0 or 1
    given,        ///< `value`
  };
  struct Input {
    TensorType type;
    Fill fill = Fill::normal;
    std::int64_t limit = 1;
    Tensor value{};
    bool differentiate = true;  ///< include in the gradient check (floats only)
    bool present = true;
  };
  std::vector<Input> inputs;
  Options options;
  std::string note;
  double tolerance = 1e-5;  ///< float kernel against double reference: relative to max(1, |value|)
};

/// A name under which ONNX knows an op: `since` is the first opset whose semantics are ours.
struct OnnxName {
  std::string name;
  int since = 1;
  std::string domain;
};

/// An input of ONNX's operator that is an option here, since shapes hang on it: known when the graph is made.
struct OnnxInput {
  std::size_t index = 0;
  std::string option;
  int since = 1;  ///< before this opset it was an attribute, of the option's name or of its name in `OpDef::onnx_attributes`
};

/// Everything about an op.
struct OpDef {
  std::string name;
  std::string summary;  ///< one sentence with the equation
  std::string source;   ///< ONNX operator page or paper
  std::size_t minimum_inputs = 1;
  std::size_t maximum_inputs = 1;
  Options default_options;

  /// Types of the outputs. Throws InputError through context.fail where the inputs do not fit.
  std::function<std::vector<TensorType>(const InferContext&)> infer;
  /// States the gradients of the wanted inputs. Null: `not_differentiable` says why, or `decompose` is differentiated instead.
  std::function<void(GradientContext&)> gradient;
  std::string not_differentiable;
  /// The same computation from simpler ops.
  std::function<std::vector<Value>(const RewriteContext&)> decompose;
  /// Plain loops in double precision. Null where `decompose` says it all.
  std::function<void(const ReferenceContext&)> reference;
  std::optional<Elementwise> elementwise;
  std::vector<Kernel> kernels;  ///< best first

  /// Pairs {i, j}: output i may be the memory of input j, if that input is not needed after. Null for elementwise ops: any input of
  /// the output's type; null for others: none.
  std::function<std::vector<std::pair<int, int>>(const InferContext&)> may_alias;
  /// True if output 0 is the bytes of input 0 under another shape: nobody writes it, so it may be the memory of an input of the
  /// graph or of a constant too.
  bool view = false;
  /// Floating-point operations; null: one for each output element.
  std::function<double(const InferContext&)> flops;

  /// How the op would like input `index` stored if that is a state or constant; null or nullopt: as it is.
  std::function<std::optional<Layout>(const InferContext&, std::size_t index)> wants_layout;
  /// For an op that brings a value from another form back to the plain one: the op that is its inverse. Elementwise ops then work
  /// on the other form.
  std::string unpacks;
  /// For the inverse of such an op: true if it only reorders axes, so that operands which broadcast can follow.
  bool permutes_axes = false;
  /// A better form of this node, or nothing. Applied until nothing changes; must not loop.
  std::function<std::optional<std::vector<Value>>(const RewriteContext&)> simplify;
  /// This op's options with a chain of elementwise ops as epilogue on what it computes (chain.hpp), or nothing where it cannot take
  /// that chain. The chain's own inputs follow the op's `maximum_inputs` inputs; the chain's outputs replace the op's.
  std::function<std::optional<Options>(const Options&, const Chain&)> with_epilogue;

  std::vector<OnnxName> onnx;
  std::vector<OnnxInput> onnx_inputs;
  /// ONNX's names of options that are called otherwise here: {"keepdims", "keep_dims"}.
  std::vector<std::pair<std::string, std::string>> onnx_attributes;
  /// For ops that walk through time, what they hand from step to step: pairs of an output and the input that takes it in.
  std::vector<std::pair<std::size_t, std::size_t>> remembers;
  std::function<std::vector<Sample>()> samples;
  bool internal = false;  ///< appears only in lowered graphs: has no gradient and no ONNX name
};

}  // namespace neurons
