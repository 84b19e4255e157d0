#include "neurons/training/fingerprint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "neurons/base/sha256.hpp"
#include "neurons/training/learner.hpp"

namespace neurons {
namespace {

/// `adam(learning_rate=0.001, …)`
template <typename Described>
std::string describe(const Described& described) {
  std::string text;
  for (const auto& [name, value] : described.attributes()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, to_string(value));
  }
  return fmt::format("{}({})", described.kind(), text);
}

/// `shift=2, mix_up=0.2`: what is not at its default.
std::string describe(const Augmentation& augment) {
  std::string text;
  const Augmentation none;
  std::vector<double> defaults;
  Augmentation::fields(none, [&](std::string_view, const auto& field) { defaults.push_back(static_cast<double>(field)); });
  auto standard = defaults.begin();
  Augmentation::fields(augment, [&](std::string_view name, const auto& field) {
    const auto value = static_cast<double>(field);
    if (value != *standard++) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, value);
  });
  return text;
}

/// Type and content: of large tensors the bytes of 256 blocks spread evenly, so that it costs milliseconds at most.
std::string describe(const Tensor& tensor) {
  constexpr std::size_t kBlock = 4096;
  constexpr std::size_t kBlocks = 256;
  constexpr std::size_t kDigits = 16;
  const auto bytes = tensor.bytes();
  Sha256 hash;
  if (bytes.size() <= kBlock * kBlocks) {
    hash.update(bytes);
  } else {
    for (std::size_t i = 0; i < kBlocks; ++i) hash.update(bytes.subspan((bytes.size() - kBlock) / (kBlocks - 1) * i, kBlock));
  }
  return fmt::format("{} with content {}", tensor.type().to_string(), hash.hex().substr(0, kDigits));
}

void add_data(Fingerprint& print, const std::string& name, const Dataset& data) {
  print[name + " inputs"] = fmt::format("{}, scale {}, offset {}", describe(data.inputs), data.input_scale, data.input_offset);
  if (!data.channel_means.empty()) {
    print[name + " channels"] =
        fmt::format("means {}, deviations {}", fmt::join(data.channel_means, " "), fmt::join(data.channel_deviations, " "));
  }
  print[name + " targets"] = describe(data.targets);
  if (!data.lengths.empty()) {
    print[name + " lengths"] = describe(Tensor::of<std::int64_t>({static_cast<std::int64_t>(data.lengths.size())}, data.lengths));
  }
  if (data.sample_weights.empty()) return;
  print[name + " sample weights"] =
      describe(Tensor::of<float>({static_cast<std::int64_t>(data.sample_weights.size())}, data.sample_weights));
}

void add_network(Fingerprint& print, const Network& network) {
  std::vector<std::string> names;  // of the results of calls
  for (const auto& call : network.calls()) {
    if (call.layer < 0) {
      const auto& input = network.inputs()[static_cast<std::size_t>(
          std::ranges::count_if(names, [](const std::string& name) { return name.starts_with("input "); }))];
      names.push_back("input " + input.name);
      print[names.back()] = input.sample.to_string();
      continue;
    }
    const auto& layer = network.layers()[static_cast<std::size_t>(call.layer)];
    std::vector<std::string> from;
    for (const int index : call.from) from.push_back(names[static_cast<std::size_t>(index)]);
    names.push_back(fmt::format("call {} of {}", names.size(), layer.name));
    print[names.back()] = "on " + fmt::format("{}", fmt::join(from, " and "));
    print["layer " + layer.name] = describe(layer.layer);
  }
  for (const auto& output : network.outputs()) print["output " + output.name] = names[static_cast<std::size_t>(output.call)];
  for (const auto& [name, type] : network.parameter_types()) {
    print["parameter " + name] = type.to_string() + (network.is_frozen(name) ? ", frozen" : "");
  }
}

/// Whether another number of steps would change the rates of the first ones.
bool depends_on_length(const Schedule& schedule) {
  constexpr std::int64_t kShort = 100;
  for (std::int64_t step = 0; step < kShort; ++step) {
    if (schedule.factor({step, 10, kShort}) != schedule.factor({step, 10, 3 * kShort})) return true;
  }
  return false;
}

void add_options(Fingerprint& print, const Network& network, const TrainOptions& options) {
  const auto add = [&](const std::string& name, const auto& value) { print[name] = fmt::format("{}", value); };
  add("loss", describe(options.loss));
  add("optimizer", describe(options.optimizer));
  for (std::size_t i = 0; i < options.groups.size(); ++i) {
    const ParameterGroup& group = options.groups[i];
    const std::string decay = group.weight_decay ? fmt::format("{}", *group.weight_decay) : "the optimizer's";
    add(fmt::format("group {}", i + 1),
        fmt::format("\"{}\", rate_factor {}, weight_decay {}", group.pattern, group.rate_factor, decay));
  }
  add("schedule", describe(options.schedule));
  if (depends_on_length(options.schedule)) add("epochs (on which the schedule depends)", options.epochs);
  add("warm_up_steps", options.warm_up_steps);
  add("clip_value", options.clip_value);
  add("clip_norm", clip_norm_of(network, options.clip_norm));
  add("l1", options.l1);
  add("l2", options.l2);
  add("accumulate", options.accumulate);
  if (!options.optimizer.is_full_batch()) add("batch_size", options.batch_size);
  if (options.drop_last) add("drop_last", true);
  if (options.carry_state) add("carry_state", true);
  if (options.augment) add("augment", describe(*options.augment));
  add("early stopping patience", options.early_stopping.patience);
  add("early stopping minimum_improvement", options.early_stopping.minimum_improvement);
  add("restore_best", options.restore_best);
  add("seed", options.seed);
}

}  // namespace

Fingerprint fingerprint_of(const Network& network, const Dataset& data, const TrainOptions& options) {
  Fingerprint print;
  add_network(print, network);
  add_data(print, "training", data);
  if (options.validation) add_data(print, "validation", *options.validation);
  add_options(print, network, options);
  return print;
}

void require_same(const Fingerprint& saved, const Fingerprint& current, const std::string& source) {
  const auto text = [](const Fingerprint& print, const std::string& item) {
    const auto found = print.find(item);
    return found == print.end() ? "absent" : found->second;
  };
  std::set<std::string> items;
  for (const auto& [item, value] : saved) items.insert(item);
  for (const auto& [item, value] : current) items.insert(item);
  for (const std::string& item : items) {
    const std::string before = text(saved, item);
    const std::string now = text(current, item);
    if (before == now) continue;
    fail_input("{}: belongs to another run: {} was {}, now it is {}; resume with what it was, or train anew", source, item, before,
               now);
  }
}

}  // namespace neurons
