// A fitted encoding as JSON, the form in which models keep it.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "neurons/data/readers/table_encoder.hpp"

namespace neurons {
namespace {

using Json = nlohmann::ordered_json;

/// What a JSON exception says, without the library's own numbering.
std::string reason_of(const Json::exception& error) {
  const std::string text = error.what();
  const std::size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

double finite(const Json& json, const char* key) {
  const double value = json.at(key).get<double>();
  if (!std::isfinite(value)) fail_input("\"{}\" is not finite", key);
  return value;
}

}  // namespace

std::string TableEncoder::to_json() const {
  Json columns = Json::array();
  for (const Rule& rule : rules_) {
    if (rule.is_numeric) {
      columns.push_back({{"name", rule.column}, {"shift", rule.shift}, {"factor", rule.factor}, {"mean", rule.mean}});
    } else {
      columns.push_back({{"name", rule.column}, {"levels", rule.levels}, {"usual_level", rule.usual_level}});
    }
  }
  const Json json = {{"target", target_},
                     {"weights", weights_},
                     {"task", classification_ ? "classification" : "regression"},
                     {"missing", missing_ == MissingValues::mean ? "mean" : "error"},
                     {"target_mean", target_mean_},
                     {"target_deviation", target_deviation_},
                     {"classes", class_names_},
                     {"columns", columns}};
  try {
    return json.dump();
  } catch (const Json::exception& error) {
    fail_input("table encoder: a name cannot be written as JSON: {}", reason_of(error));
  }
}

TableEncoder TableEncoder::from_json(std::string_view text, const std::string& source) {
  try {
    const Json json = Json::parse(text);
    const auto choice = [&](const char* key, const std::string& first, const std::string& second) {
      const auto value = json.at(key).get<std::string>();
      if (value != first && value != second) fail_input("\"{}\" is \"{}\", expected \"{}\" or \"{}\"", key, value, first, second);
      return value == first;
    };
    TableEncoder encoder;
    encoder.target_ = json.at("target").get<std::string>();
    encoder.weights_ = json.at("weights").get<std::string>();
    encoder.classification_ = choice("task", "classification", "regression");
    encoder.missing_ = choice("missing", "mean", "error") ? MissingValues::mean : MissingValues::error;
    encoder.target_mean_ = finite(json, "target_mean");
    encoder.target_deviation_ = finite(json, "target_deviation");
    encoder.class_names_ = json.at("classes").get<std::vector<std::string>>();
    if (encoder.classification_ == encoder.class_names_.empty()) fail_input("the number of classes does not suit the task");
    std::set<std::string> names;
    for (const Json& column : json.at("columns")) {
      Rule rule{.column = column.at("name").get<std::string>(), .is_numeric = !column.contains("levels")};
      if (!names.insert(rule.column).second) fail_input("column \"{}\" stands there twice", rule.column);
      if (rule.is_numeric) {
        rule.shift = finite(column, "shift");
        rule.factor = finite(column, "factor");
        rule.mean = finite(column, "mean");
      } else {
        rule.levels = column.at("levels").get<std::vector<std::string>>();
        rule.usual_level = column.at("usual_level").get<std::int64_t>();
        if (rule.usual_level < 0 || rule.usual_level >= rule.width()) {
          fail_input("column \"{}\": usual_level {} is none of its {} levels", rule.column, rule.usual_level, rule.levels.size());
        }
      }
      encoder.rules_.push_back(std::move(rule));
    }
    if (encoder.rules_.empty()) fail_input("there are no columns");
    encoder.name_features();
    return encoder;
  } catch (const Json::exception& error) {
    fail_input("{}: is no table encoder: {}", source, reason_of(error));
  } catch (const InputError& error) {
    fail_input("{}: is no table encoder: {}", source, error.what());
  }
}

}  // namespace neurons
