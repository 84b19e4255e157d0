/// neurons check MODEL.onnx: what can be done with it here, operator by operator.

#include <map>
#include <memory>

#include "apps/cli/arguments.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/formats/onnx/check.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons::cli {
namespace {

struct CheckArguments {
  std::filesystem::path model;
  std::int64_t batch = 0;
  std::vector<std::string> shapes;
};

/// "x=1,3,224,224"
std::pair<std::string, Shape> shape_of(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  const auto fail = [&] { fail_input("--shape {}: expected NAME=EXTENTS, such as x=1,3,224,224", text); };
  if (equals == std::string::npos || equals == 0) fail();
  std::vector<std::int64_t> extents;
  std::stringstream list(text.substr(equals + 1));
  for (std::string part; std::getline(list, part, ',');) {
    std::size_t end = 0;
    try {
      extents.push_back(std::stoll(part, &end));
    } catch (const std::logic_error&) {
      fail();
    }
    if (end != part.size()) fail();
  }
  return {text.substr(0, equals), Shape(std::span<const std::int64_t>(extents))};
}

/// Nodes of one operator with the same verdict.
struct Row {
  onnx::NodeVerdict verdict;
  std::int64_t nodes = 0;
};

std::vector<Row> rows_of(const onnx::Check& check) {
  std::vector<Row> rows;
  for (const onnx::NodeVerdict& node : check.nodes) {
    const auto same = std::ranges::find_if(rows, [&](const Row& row) {
      return row.verdict.op == node.op && row.verdict.runs == node.runs && row.verdict.trains == node.trains &&
             row.verdict.exports == node.exports && row.verdict.reason == node.reason;
    });
    if (same == rows.end()) {
      rows.push_back({node, 1});
    } else {
      ++same->nodes;
    }
  }
  std::ranges::stable_sort(rows, [](const Row& a, const Row& b) { return a.verdict.op < b.verdict.op; });
  return rows;
}

const char* word(bool yes) { return yes ? "yes" : "no"; }

void print_table(const Session& session, const std::vector<Row>& rows) {
  std::size_t width = 8;
  for (const Row& row : rows) width = std::max(width, printable(row.verdict.op).size());
  session.say("\n{:<{}}  {:>5}  {:<4}  {:<6}  {:<7}", "operator", width, "nodes", "runs", "trains", "exports");
  for (const Row& row : rows) {
    const onnx::NodeVerdict& verdict = row.verdict;
    std::string line = fmt::format("{:<{}}  {:>5}  {:<4}  {:<6}  {:<7}", printable(verdict.op), width, row.nodes,
                                   word(verdict.runs), word(verdict.trains), word(verdict.exports));
    if (!verdict.reason.empty()) line += fmt::format("  {}: {}", printable(verdict.name), printable(verdict.reason));
    session.say("{}", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

/// "5 FLOP", "1.25 MB"
std::string measured(double number, std::string_view unit) {
  if (number < 1000) return fmt::format("{:.0f} {}", number, unit);
  std::string text = brief(number);
  return fmt::format("{} {}{}", text.substr(0, text.size() - 1), text.back(), unit);
}

std::string bytes(std::size_t number) { return measured(static_cast<double>(number), "B"); }

void print(const Session& session, const onnx::Check& check, const std::string& name) {
  const std::string maker = check.producer.empty() ? "" : ", made by " + check.producer;
  session.say("{}: opset {}{}, {} node{}", name, check.opset, printable(maker), check.nodes.size(),
              check.nodes.size() == 1 ? "" : "s");
  std::size_t width = 0;
  for (const auto* values : {&check.inputs, &check.outputs}) {
    for (const onnx::CheckedValue& value : *values) width = std::max(width, printable(value.name).size());
  }
  const auto list = [&](std::string_view title, const std::vector<onnx::CheckedValue>& values) {
    for (const onnx::CheckedValue& value : values) {
      session.say("  {:<6}  {:<{}}  {}", title, printable(value.name), width, value.type);
    }
  };
  list("input", check.inputs);
  list("output", check.outputs);
  print_table(session, rows_of(check));
  session.say("");
  const std::string work = check.runs ? fmt::format("; {} a run", measured(check.flops, "FLOP")) : "";
  session.say("{} parameters, {} other numbers{}", grouped(check.parameters), grouped(check.fixed), work);
  if (check.runs) {
    const std::string training = check.trains
                                     ? fmt::format(", {} to train it by {} with batches of {} (Adam)", bytes(check.bytes_to_train),
                                                   printable(check.trained_output), check.trained_batch)
                                     : "";
    session.say("memory: {} to run it{}", bytes(check.bytes_to_run), training);
  }
  for (const std::string& note : check.notes) session.say("note: {}", printable(note));
  session.say("runs: {}, trains: {}, exports: {}", word(check.runs), word(check.trains), word(check.exports));
}

Json to_json(const std::vector<onnx::CheckedValue>& values) {
  Json result = Json::array();
  for (const onnx::CheckedValue& value : values) result.push_back({{"name", value.name}, {"type", value.type}});
  return result;
}

Json to_json(const onnx::Check& check) {
  Json operators = Json::array();
  for (const onnx::NodeVerdict& node : check.nodes) {
    operators.push_back({{"name", node.name},
                         {"op", node.op},
                         {"runs", node.runs},
                         {"trains", node.trains},
                         {"exports", node.exports},
                         {"reason", node.reason}});
  }
  return {{"opset", check.opset},
          {"producer", check.producer},
          {"runs", check.runs},
          {"trains", check.trains},
          {"exports", check.exports},
          {"inputs", to_json(check.inputs)},
          {"outputs", to_json(check.outputs)},
          {"parameters", check.parameters},
          {"other_numbers", check.fixed},
          {"flops", check.flops},
          {"bytes_to_run", check.bytes_to_run},
          {"bytes_to_train", check.bytes_to_train},
          {"notes", check.notes},
          {"operators", operators}};
}

int check_model(Session& session, const CheckArguments& arguments) {
  onnx::CheckOptions options{.batch = arguments.batch};
  for (const std::string& text : arguments.shapes) options.shapes.insert(shape_of(text));
  const onnx::Check check = onnx::check(onnx::read(arguments.model), ops::table(), options);
  print(session, check, arguments.model.filename().string());
  session.answer() = to_json(check);
  return check.runs ? kDone : kFailed;
}

}  // namespace

void add_check(CLI::App& app, Session& session) {
  const auto arguments = std::make_shared<CheckArguments>();
  CLI::App* command =
      session.add_command(app, "check", "Tell which operators of an ONNX model run, train and export here, and what it takes",
                          "  neurons check model.onnx\n"
                          "  neurons check model.onnx --shape image=8,3,224,224 --json",
                          [&session, arguments] { return check_model(session, *arguments); });
  command->add_option("MODEL", arguments->model, "An .onnx file")->required();
  command->add_option("--batch", arguments->batch, "Samples at once where the file leaves that open (that of --shape, or 1)")
      ->check(whole_number<std::int64_t>(1));
  command->add_option(
      "--shape", arguments->shapes,
      "NAME=EXTENTS: an input's shape, such as x=1,3,224,224; once for each input, those that share open extents follow");
}

}  // namespace neurons::cli
