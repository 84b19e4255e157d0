#include "neurons/training/number_rules.hpp"

#include "neurons/training/trainer.hpp"

namespace neurons {

NumberCheck check_numbers(const TrainOptions& options) {
  NumberCheck check;
  check.at_least<std::int64_t>("epochs", options.epochs, 1);
  check.at_least<std::int64_t>("batch_size", options.batch_size, 1);
  check.at_least("threads", options.threads, 0);
  check.at_least<std::int64_t>("warm_up_steps", options.warm_up_steps, 0);
  check.at_least<std::int64_t>("checkpoint_steps", options.checkpoint_steps, 0);
  check.at_least("checkpoint_seconds", options.checkpoint_seconds, 0.0);
  check.at_least<std::int64_t>("early_stopping.patience", options.early_stopping.patience, 0);
  check.at_least("early_stopping.minimum_improvement", options.early_stopping.minimum_improvement, 0.0);
  check_learning(options, check);
  return check;
}

}  // namespace neurons
