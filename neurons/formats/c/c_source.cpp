#include "neurons/formats/c/c_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "neurons/formats/c/c_file.hpp"
#include "neurons/formats/c/c_function.hpp"
#include "neurons/formats/c/emitters.hpp"
#include "neurons/formats/c/prepare_graph.hpp"

namespace neurons {
namespace {

using c::comment_text;

constexpr std::size_t kOutputLetters = 6;  // of "output", with which the arrays of outputs begin

std::string capitals(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return text;
}

/// "[28 * 28]" as "28 x 28".
std::string extents_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape.extents().subspan(1)) text += fmt::format("{}{}", text.empty() ? "" : " x ", extent);
  return text.empty() ? "1" : text;
}

std::string kilobytes(std::int64_t floats) {
  const double bytes = static_cast<double>(floats) * sizeof(float);
  return bytes < 10240 ? fmt::format("{:.0f} bytes", bytes) : fmt::format("{:.0f} KB", bytes / 1024);
}

const ValueInfo& input_of(const Graph& graph) {
  const auto& values = graph.values();
  const auto found = std::ranges::find(values, ValueKind::input, &ValueInfo::kind);
  if (found == values.end()) fail_input("c: the graph has no input");
  return *found;
}

const Shape& output_shape(const Graph& graph) { return graph.info(graph.outputs().front().value).type.shape; }

/// The two files, part by part.
class Writer {
 public:
  Writer(const Graph& predict, const Graph* step, const CSourceOptions& options)
      : predict_graph_(predict),
        step_graph_(step),
        options_(options),
        name_(c::identifier_of(options.name)),
        macro_(capitals(name_)) {
    predict_.emplace(predict, file_);
    if (step != nullptr) step_.emplace(*step, file_);
    require_supported();
  }

  CSource run() const { return {name_, source(), header(), std::max(predict_->scratch(), step_ ? step_->scratch() : 0)}; }

 private:
  void require_supported() const {
    std::vector<std::string> missing = predict_->unsupported();
    if (missing.empty() && step_) missing = step_->unsupported();
    if (missing.empty()) return;
    fail_input("c: plain C cannot do {} of this network: {}; it can do {}", missing.size() == 1 ? "one op" : "some ops",
               fmt::join(missing, ", "), fmt::join(c_ops(), ", "));
  }

  std::string line(std::string_view macro, std::size_t value, const std::string& comment) const {
    return fmt::format("#define {}_{} {}{}\n", macro_, macro, value,
                       comment.empty() ? "" : fmt::format(" /* {} */", comment_text(comment)));
  }

  /// How many numbers there are, and how they lie: [channels][rows][columns] or [steps][features].
  std::string sizes(const std::string& what, const Shape& shape) const {
    static const std::map<int, std::vector<std::string>> kAxes = {{3, {"STEPS", "FEATURES"}}, {4, {"CHANNELS", "ROWS", "COLUMNS"}}};
    std::string text = line(what + "S", static_cast<std::size_t>(shape.elements()), shape.rank() > 2 ? extents_text(shape) : "");
    const auto axes = kAxes.find(shape.rank());
    for (int axis = 1; axes != kAxes.end() && axis < shape.rank(); ++axis) {
      text += line(what + "_" + axes->second[static_cast<std::size_t>(axis - 1)], static_cast<std::size_t>(shape[axis]), "");
    }
    return text;
  }

  /// The numbers of further outputs: NETWORK_OUTPUTS_BOXES for the array output_boxes.
  std::string further_sizes(std::string_view prefix, const Graph& graph, const c::CFunction& function) const {
    std::string text;
    for (std::size_t i = 1; i < function.outputs().size(); ++i) {
      const Shape& shape = graph.info(graph.outputs()[i].value).type.shape;
      text += line(fmt::format("{}OUTPUTS{}", prefix, capitals(function.outputs()[i].substr(kOutputLetters))),
                   static_cast<std::size_t>(shape.elements()), shape.rank() > 2 ? extents_text(shape) : "");
    }
    return text;
  }

  static std::string further_outputs(const Graph& graph, const c::CFunction& function) {
    std::string text;
    for (std::size_t i = 1; i < function.outputs().size(); ++i) {
      text += fmt::format("   {}: the network's output \"{}\"\n", function.outputs()[i], comment_text(graph.outputs()[i].name));
    }
    return text;
  }

  /// "const float *input, float *output, float *output_boxes"
  static std::string parameters(const c::CFunction& function) {
    std::string text = "const float *input";
    for (const std::string& output : function.outputs()) text += ", float *" + output;
    return text;
  }

  std::string title() const {
    const std::string origin = options_.origin.empty() ? "" : fmt::format(", made of {}", comment_text(options_.origin));
    return fmt::format("{} weights{}", file_.numbers(), origin);
  }

  static std::string list_of(const std::vector<std::string>& names) {
    constexpr std::size_t kLongest = 64;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kLongest); ++i)
      text += fmt::format("     {:>3}  {}\n", i, comment_text(names[i]));
    if (names.size() > kLongest) text += fmt::format("          and {} more\n", names.size() - kLongest);
    return text;
  }

  std::string header() const {
    const ValueInfo& input = input_of(predict_graph_);
    const Shape& output = output_shape(predict_graph_);
    std::string text = fmt::format("/* {}.h: a neural network, {}.\n   {}.c needs nothing but a C99 compiler and math.h. */\n",
                                   name_, title(), name_);
    text += fmt::format("#ifndef {}_H\n#define {}_H\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n", macro_, macro_);
    text += sizes("INPUT", input.type.shape) + sizes("OUTPUT", output) + further_sizes("", predict_graph_, *predict_);
    text += line("SCRATCH", predict_->scratch(),
                 fmt::format("floats to work in: {}", kilobytes(static_cast<std::int64_t>(predict_->scratch()))));
    if (!options_.class_names.empty()) {
      text += line("CLASSES", options_.class_names.size(), "");
      text += fmt::format("\n/* What the outputs stand for */\nextern const char *const {}_classes[{}_CLASSES];\n", name_, macro_);
    }
    text += "\n/* What the network says of one sample.\n";
    text += fmt::format("   input: {}\n{}", comment_text(options_.input.empty() ? "what the network sees" : options_.input),
                        list_of(options_.input_names));
    text += fmt::format("   output: {}\n{}", comment_text(options_.output.empty() ? "what its last layer gives" : options_.output),
                        list_of(options_.output_names));
    text += further_outputs(predict_graph_, *predict_);
    text += "   Works in static memory: one call at a time. Input and output must not overlap. */\n";
    text += fmt::format("void {}_predict({});\n\n", name_, parameters(*predict_));
    text += fmt::format("/* The same in {}_SCRATCH floats of the caller's: any number of threads, each with its own. */\n", macro_);
    text += fmt::format("void {}_predict_in(float *scratch, {});\n", name_, parameters(*predict_));
    if (step_) text += step_header();
    return text + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  }

  std::string step_header() const {
    const Shape& input = input_of(*step_graph_).type.shape;
    const Shape& output = output_shape(*step_graph_);
    std::string text = "\n";
    text += line("STEP_INPUTS", static_cast<std::size_t>(input.elements()), "");
    text += line("STEP_OUTPUTS", static_cast<std::size_t>(output.elements()), "");
    text += further_sizes("STEP_", *step_graph_, *step_);
    text += line("STEP_SCRATCH", step_->scratch(), "floats to work in");
    text += line("MEMORY", step_->memory(),
                 fmt::format("floats that last from step to step: {}", kilobytes(static_cast<std::int64_t>(step_->memory()))));
    text += fmt::format(
        "\n/* One step of a sequence of any length.\n"
        "   memory: {}_MEMORY floats of the caller's, one memory for each sequence: what the network\n"
        "           remembers; zeros before the first step.\n"
        "   scratch: {}_STEP_SCRATCH floats of the caller's; nothing in them need last. */\n"
        "void {}_step(float *memory, float *scratch, {});\n",
        macro_, macro_, name_, parameters(*step_));
    return text;
  }

  /// So that no compiler warns of parameters that a network has no use for.
  static std::string unused(const c::CFunction& function) {
    return fmt::format("{}{}", function.scratch() > 0 ? "" : "    (void)scratch;\n",
                       function.reads_input() ? "" : "    (void)input;\n");
  }

  std::string source() const {
    std::string text = fmt::format("/* {}.c: a neural network, {}. {}.h says how to call it. */\n", name_, title(), name_);
    text += fmt::format("#include \"{}.h\"\n", name_);
    if (file_.uses_math(predict_->body() + (step_ ? step_->body() : ""))) text += "\n#include <math.h>\n";
    text += fmt::format("\n{}", file_.snippets());
    const std::string declarations = file_.array_declarations();
    if (!declarations.empty())
      text += fmt::format("/* The numbers that were learnt; they are at the end of this file */\n{}\n", declarations);
    text += file_.layers();
    if (!options_.class_names.empty()) {
      text += fmt::format("const char *const {}_classes[{}_CLASSES] = {{\n", name_, macro_);
      for (const std::string& label : options_.class_names) text += fmt::format("    {},\n", c::string_literal(label));
      text += "};\n\n";
    }
    const bool works = predict_->scratch() > 0;
    text += fmt::format("void {}_predict_in(float *scratch, {})\n{{\n{}{}}}\n\n", name_, parameters(*predict_), unused(*predict_),
                        predict_->body());
    text += fmt::format("void {}_predict({})\n{{\n", name_, parameters(*predict_));
    if (works) text += fmt::format("    static float scratch[{}_SCRATCH];\n", macro_);
    text += fmt::format("    {}_predict_in({}, input, {});\n}}\n", name_, works ? "scratch" : "0",
                        fmt::join(predict_->outputs(), ", "));
    if (step_) {
      text += fmt::format("\nvoid {}_step(float *memory, float *scratch, {})\n{{\n{}{}}}\n", name_, parameters(*step_),
                          unused(*step_), step_->body());
    }
    return text + file_.arrays();
  }

  const Graph& predict_graph_;
  const Graph* step_graph_;
  const CSourceOptions& options_;
  std::string name_;
  std::string macro_;
  c::CFile file_;
  std::optional<c::CFunction> predict_;
  std::optional<c::CFunction> step_;
};

}  // namespace

CSource to_c(const Graph& graph, const std::map<std::string, Tensor>& values, const CSourceOptions& options, const Graph* step) {
  const Graph prepared = c::prepare_graph(graph, values);
  std::optional<Graph> prepared_step;
  if (step != nullptr) prepared_step = c::prepare_graph(*step, values);
  return Writer(prepared, prepared_step ? &*prepared_step : nullptr, options).run();
}

CSource to_c(const Network& network, const CSourceOptions& options) {
  if (!network.initialized()) fail_input("c: the network has no parameters yet; train it, or call initialize()");
  Graph graph(network.table());
  network.build(graph, 1, Mode::inference);
  return to_c(graph, network.parameters(), options);
}

std::vector<std::string> c_ops() {
  std::vector<std::string> names{"GlobalAveragePool", "GlobalMaxPool"};
  for (const auto& [name, emitter] : c::emitters()) names.push_back(c::onnx_name(name));
  std::erase_if(names, [](const std::string& name) { return name == "ToChannelsFirst" || name == "ToChannelsLast"; });
  std::ranges::sort(names);
  return names;
}

}  // namespace neurons
