/// neurons data list|info: the data that come with this project, and what is in data of one's own.

#include <algorithm>
#include <cmath>

#include "apps/cli/arguments.hpp"
#include "apps/cli/session.hpp"
#include "apps/cli/terminal.hpp"
#include "neurons/base/error.hpp"
#include "neurons/data/readers/table_encoder.hpp"
#include "neurons/spec/data_info.hpp"
#include "neurons/spec/load_data.hpp"

namespace neurons::cli {
namespace {

int list_data(Session& session) {
  Json list = Json::array();
  const Terminal terminal = Terminal::of(stdout);
  session.say("{:<14}  {:>8}  {:<9}  {:<14}  {}", "name", "samples", "kind", "task", "what");
  for (const BundledData& data : bundled_data()) {
    const std::string_view task = data.kind == SourceKind::text ? "next token"
                                  : data.is_classification      ? "classification"
                                                                : "regression";
    session.say("{}  {:>8}  {:<9}  {:<14}  {}", terminal.bold(fmt::format("{:<14}", data.name)), grouped(data.samples),
                name_of(data.kind), task, data.description);
    list.push_back({{"name", data.name},
                    {"samples", data.samples},
                    {"kind", name_of(data.kind)},
                    {"task", task},
                    {"target", data.target},
                    {"description", data.description},
                    {"licence", data.licence}});
  }
  session.answer() = {{"data", list}};
  return kDone;
}

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const DataInfo& info) {
  Json classes = Json::array();
  for (const auto& [name, count] : info.classes) classes.push_back({{"name", name}, {"samples", count}});
  Json columns = Json::array();
  for (const ColumnInfo& column : info.columns) {
    Json one = {{"name", column.name},
                {"type", column.is_empty     ? "empty"
                         : column.is_numeric ? "number"
                                             : "text"},
                {"missing", column.missing}};
    if (column.is_numeric && !column.is_empty) {
      one.update({{"minimum", finite(column.minimum)}, {"mean", finite(column.mean)}, {"maximum", finite(column.maximum)}});
    } else if (!column.is_numeric) {
      one["levels"] = column.levels;
      if (column.is_refused) one["refused"] = true;
    }
    columns.push_back(one);
  }
  const auto extents = info.sample.extents();
  Json object = {{"path", info.path.string()},
                 {"kind", name_of(info.kind)},
                 {"samples", info.samples},
                 {"test_samples", info.test_samples},
                 {"task", info.is_classification ? "classification" : "regression"},
                 {"input_shape", std::vector<std::int64_t>(extents.begin(), extents.end())},
                 {"classes", classes}};
  if (info.kind == SourceKind::csv) {
    object.update({{"target", info.target}, {"columns", columns}});
  } else if (info.kind == SourceKind::text) {
    object = {{"path", info.path.string()}, {"kind", "text"}, {"samples", info.samples}, {"characters", info.characters}};
  } else {
    object.update({{"minimum", finite(info.input_minimum)}, {"maximum", finite(info.input_maximum)}});
    if (const auto largest = info.largest.extents(); !largest.empty()) {
      object["largest_shape"] = std::vector<std::int64_t>(largest.begin(), largest.end());
    }
  }
  return object;
}

void say_columns(Session& session, const DataInfo& info) {
  std::size_t width = 6;
  for (const ColumnInfo& column : info.columns) width = std::max(width, printable(column.name).size());
  session.say("\n{:<{}}  {:<6}  {:>8}  {:>11}  {:>11}  {:>11}", "column", width, "type", "missing", "minimum", "mean", "maximum");
  for (const ColumnInfo& column : info.columns) {
    const std::string name = printable(column.name);
    const std::string target = column.name == info.target ? "  target" : "";
    if (column.is_empty) {
      session.say("{:<{}}  {:<6}  {:>8}  {:>11}  {:>11}  {:>11}{}", name, width, "empty", column.missing, "", "", "", target);
    } else if (column.is_numeric) {
      session.say("{:<{}}  {:<6}  {:>8}  {:>11.5g}  {:>11.5g}  {:>11.5g}{}", name, width, "number", column.missing, column.minimum,
                  column.mean, column.maximum, target);
    } else {
      session.say("{:<{}}  {:<6}  {:>8}  {:>11}  {:>11}  {:>11}{}", name, width, "text", column.missing, "",
                  fmt::format("{} levels", column.levels), "", target);
    }
  }
}

int show_info(Session& session, const std::string& source, const std::string& target, const CsvOptions& csv) {
  const auto places = Session::places();
  const std::filesystem::path path = find_source(source, "", places);
  const BundledData* bundled = find_bundled(source);
  const DataInfo info = describe_data(path, target.empty() && bundled != nullptr ? std::string(bundled->target) : target, csv);
  session.answer() = to_json(info);
  session.say("{}: {}, {} samples{}", printable(path.string()), name_of(info.kind), grouped(info.samples),
              info.test_samples > 0 ? fmt::format(" and {} for testing", grouped(info.test_samples)) : "");
  if (info.kind == SourceKind::csv) {
    const auto target_info = std::ranges::find(info.columns, info.target, &ColumnInfo::name);
    const bool alone = std::ranges::none_of(
        info.columns, [&](const ColumnInfo& one) { return one.name != info.target && !one.is_empty && !one.is_refused; });
    session.say("target {}; {}", printable(info.target),
                target_info->is_empty     ? "it is empty: name another column with --target"
                : alone                   ? "no other column holds anything to learn from"
                : info.sample.rank() == 0 ? "a series: [data] series cuts it into windows"
                                          : fmt::format("encoded inputs have shape {}", info.sample.to_string()));
    for (const ColumnInfo& column : info.columns) {
      if (!column.is_refused) continue;
      session.say("without {}: training takes at most {} different texts of a column, it holds {}; name it under [data] ignore",
                  printable(column.name), grouped(TableEncoder::kMaxLevels), grouped(column.levels));
    }
    say_columns(session, info);
  } else if (info.kind == SourceKind::text) {
    session.say(
        "characters, {} different ones in the whole text, of which a model knows those of its training part; [data] text cuts them "
        "into tokens and windows",
        info.characters);
  } else if (info.largest.rank() > 0) {
    session.say(
        "pictures from {}×{} to {}×{} pixels (height×width); [data] pictures = {{ size = [height, width] }} makes them one size",
        info.sample[1], info.sample[2], info.largest[1], info.largest[2]);
  } else {
    session.say("inputs of shape {} from {:g} to {:g}", info.sample.to_string(), info.input_minimum, info.input_maximum);
  }
  if (info.classes.empty()) return kDone;
  std::size_t width = 5;
  for (const auto& [name, count] : info.classes) width = std::max(width, printable(name).size());
  session.say("\n{:<{}}  {:>8}", "class", width, "samples");
  for (const auto& [name, count] : info.classes) session.say("{:<{}}  {:>8}", printable(name), width, grouped(count));
  return kDone;
}

}  // namespace

void add_data(CLI::App& app, Session& session) {
  CLI::App* data = app.add_subcommand("data", "List the bundled data, or look into data of one's own");
  data->require_subcommand(1);
  data->footer("Examples:\n  neurons data list\n  neurons data info iris");
  session.add_command(*data, "list", "The data sets that come with neurons", "  neurons data list --json",
                      [&session] { return list_data(session); });
  struct InfoArguments {
    std::string source;
    std::string target;
    std::string decimal = ".";
  };
  const auto arguments = std::make_shared<InfoArguments>();
  CLI::App* info = session.add_command(*data, "info", "What is in a data set: samples, columns, classes",
                                       "  neurons data info iris\n  neurons data info my/pictures --json", [&session, arguments] {
                                         return show_info(session, arguments->source, arguments->target,
                                                          {.decimal = arguments->decimal.front()});
                                       });
  info->add_option("DATA", arguments->source,
                   "A bundled name, an IDX folder, a CSV, an npz, a text or a folder of pictures by class")
      ->required();
  add_decimal(*info, arguments->decimal);
  info->add_option("--target", arguments->target, "The target column of a table, by name or number (the last one)");
}

}  // namespace neurons::cli
