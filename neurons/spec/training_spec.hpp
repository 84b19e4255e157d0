#pragma once
/// The [training] section: what is made small, by which method, for how long.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neurons/training/trainer.hpp"

namespace neurons {

struct TrainingSpec {
  std::optional<Loss> loss;         ///< none: cross_entropy for classes, mse for values
  std::vector<std::string> freeze;  ///< patterns of parameters that stay as they begin (see Network::freeze)
  TrainOptions options;             ///< everything else; `loss`, `validation` and what belongs to one run stay at their defaults
  /// Where the spec names parameters, which only the network knows, for messages: "groups[0].pattern" is at "spec.toml:14:20: ".
  std::map<std::string, std::string> places;

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("loss", self.loss);
    visit("optimizer", self.options.optimizer);
    visit("schedule", self.options.schedule);
    visit("warm_up_steps", self.options.warm_up_steps);
    visit("epochs", self.options.epochs);
    visit("batch_size", self.options.batch_size);
    visit("drop_last", self.options.drop_last);
    visit("carry_state", self.options.carry_state);
    visit("accumulate", self.options.accumulate);
    visit("early_stopping", self.options.early_stopping);
    visit("restore_best", self.options.restore_best);
    visit("clip_value", self.options.clip_value);
    visit("clip_norm", self.options.clip_norm);
    visit("l1", self.options.l1);
    visit("l2", self.options.l2);
    visit("groups", self.options.groups);
    visit("freeze", self.freeze);
    visit("seed", self.options.seed);
    visit("threads", self.options.threads);
    visit("checkpoint_steps", self.options.checkpoint_steps);
    visit("checkpoint_seconds", self.options.checkpoint_seconds);
  }
};

}  // namespace neurons
