#include "neurons/spec/spec.hpp"

#include "neurons/base/atomic_file.hpp"
#include "neurons/spec/toml_reader.hpp"
#include "neurons/training/number_rules.hpp"

namespace neurons {
namespace {

/// Gives every layer a name, as Network::add does, and looks up the names that layers refer to.
class NameCheck {
 public:
  /// Layers may be given the "lengths" of the data's `sequences`.
  NameCheck(const TomlReader& reader, NetworkSpec& network, bool sequences) : reader_(reader), network_(network) {
    for (const InputSpec& input : network.inputs) known_.push_back(input.name);
    if (network.inputs.empty()) known_.emplace_back("x");
    if (sequences && std::ranges::find(known_, "lengths") == known_.end()) known_.emplace_back("lengths");
  }

  void check(const toml::table& table) {
    const toml::array* layers = table["layers"].as_array();
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      LayerSpec& layer = network_.layers[i];
      const toml::node& node = *layers->get(i);
      for (const std::string& name : layer.from) require_known(name, known_, node, "from");
      if (!layer.share.empty()) require_known(layer.share, layers_, node, "share");
      name_layer(layer, node);
      known_.push_back(layer.name);
      if (layer.share.empty() && !layer.block && !layer.builder) layers_.push_back(layer.name);
    }
    for (std::size_t i = 0; i < network_.outputs.size(); ++i) {
      require_known(network_.outputs[i], known_, *table["outputs"].as_array()->get(i), "outputs");
    }
  }

 private:
  void name_layer(LayerSpec& layer, const toml::node& node) const {
    const auto taken = [&](const std::string& name) { return std::ranges::find(known_, name) != known_.end(); };
    if (taken(layer.name)) reader_.fail(node.source(), "the name \"{}\" is taken", layer.name);
    const std::string stem = layer.share.empty() ? layer.kind() + (layer.builder ? "_" : "") : layer.share + "_";
    for (int number = layer.share.empty() ? 1 : 2; layer.name.empty(); ++number) {
      if (const std::string name = stem + std::to_string(number); !taken(name)) layer.name = name;
    }
  }
  void require_known(const std::string& name, const std::vector<std::string>& names, const toml::node& node,
                     std::string_view key) const {
    if (std::ranges::find(names, name) != names.end()) return;
    reader_.fail(node.source(), "{} names \"{}\", but no layer before is called so{}", key, name, did_you_mean(name, names));
  }

  const TomlReader& reader_;
  NetworkSpec& network_;
  std::vector<std::string> known_;   ///< inputs and calls
  std::vector<std::string> layers_;  ///< what can be shared
};

/// Remembers where the keys and the patterns of parameters stand.
void note_places(const TomlReader& reader, const toml::table& table, TrainingSpec& training) {
  const auto section = table["training"];
  if (section.is_table()) {
    for (const auto& [key, node] : *section.as_table()) training.places[std::string(key.str())] = reader.place(key.source());
  }
  for (std::size_t i = 0; i < training.options.groups.size(); ++i) {
    const auto group = section["groups"][i];
    const toml::node* pattern = group["pattern"].node();
    training.places[fmt::format("groups[{}].pattern", i)] = reader.place((pattern == nullptr ? group.node() : pattern)->source());
  }
  for (std::size_t i = 0; i < training.freeze.size(); ++i) {
    training.places[fmt::format("freeze[{}]", i)] = reader.place(section["freeze"][i].node()->source());
  }
}

/// toml++ calls itself for each part of a dotted key: one of some ten thousand parts would end the program.
void require_short_keys(std::string_view text, const std::filesystem::path& name) {
  constexpr std::ptrdiff_t kMostDots = 2048;
  std::size_t number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
    if (const auto dots = std::ranges::count(line, '.'); dots > kMostDots) {
      fail_input("{}:{}: this line holds {} dots, more than {}; break it", name.string(), number, dots, kMostDots);
    }
    begin += line.size() + 1;
  }
}

}  // namespace

Spec parse_spec(std::string_view text, const std::filesystem::path& name) {
  const TomlReader reader(name.string());
  require_short_keys(text, name);
  Spec spec;
  spec.file = name;
  toml::table table;
  try {
    table = toml::parse(text, name.string());
  } catch (const toml::parse_error& error) {
    reader.fail(error.source(), "{}", error.description());
  }
  reader.read_table(table, spec, "a spec");
  note_places(reader, table, spec.training);
  if (const toml::node* source = table["data"]["source"].node(); source != nullptr && spec.data.source.empty()) {
    reader.fail(source->source(), "source is empty: name a bundled data set, a file or a folder, or leave the key out");
  }
  const auto require = [&](const NumberCheck& numbers, std::string_view section) {
    const auto& bad = numbers.bad();
    if (!bad) return;
    const toml::node* node = toml::at_path(*table[section].as_table(), bad->key).node();
    reader.fail(node->source(), "{} {}", bad->key, bad->complaint);
  };
  require(check_numbers(spec.training.options), "training");
  const auto require_in_data = [&](const NumberCheck& numbers, const std::string& part) {
    if (const auto& bad = numbers.bad()) {
      const toml::node* node = toml::at_path(*table["data"].as_table(), part + "." + bad->key).node();
      reader.fail(node->source(), "{}.{} {}", part, bad->key, bad->complaint);
    }
  };
  if (spec.data.pictures) require_in_data(check_numbers(*spec.data.pictures), "pictures");
  if (spec.data.series) require_in_data(check_numbers(*spec.data.series), "series");
  if (spec.data.text) require_in_data(check_numbers(*spec.data.text), "text");
  if (spec.training.options.augment) require(check_numbers(*spec.training.options.augment), "augment");
  if (spec.network.layers.empty()) fail_input("{}: [network] has no layers; add layers = [ … ]", name.string());
  NameCheck(reader, spec.network, spec.data.sequences.has_value()).check(*table["network"].as_table());
  return spec;
}

Spec read_spec(const std::filesystem::path& path) { return parse_spec(read_file(path), path); }

bool operator==(const Spec& a, const Spec& b) { return to_toml(a) == to_toml(b); }

}  // namespace neurons
