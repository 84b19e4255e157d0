// For those who own the loop: a loader that fills one buffer while the other is learnt from, a learner, and a rule of one's own for
// the learning rate.
#include <algorithm>
#include <cstdio>
#include <neurons/neurons.hpp>

using namespace neurons;

int main() {
  const TrainTest digits = read_mnist("data/mnist");
  auto network = Sequential{{1, 28, 28}, Flatten{}, Dense{64}, Relu{}, Dense{10}};
  network.initialize(1);
  Learner learner(network,
                  {.loss = CrossEntropy{.label_smoothing = 0.05F}, .optimizer = Sgd{.learning_rate = 0.1F, .momentum = 0.9F}});

  constexpr std::int64_t kRows = 100;
  Loader loader(digits.train, {.batch_size = kRows, .seed = 1});
  const auto start = [&](int slot) {
    const Batch& batch = learner.batch(kRows, slot);
    loader.start({batch.inputs[0], batch.target, {}});
  };

  const std::int64_t steps = 2 * loader.steps_per_epoch();
  double mean_loss = 0;
  start(0);
  for (std::int64_t step = 0; step < steps; ++step) {
    const int slot = static_cast<int>(step % 2);
    loader.wait();
    start(1 - slot);
    const double rate = 1 - static_cast<double>(step) / static_cast<double>(steps);
    const StepResult result = learner.step(kRows, slot, rate);
    if (!result.finite) return 1;
    mean_loss += (static_cast<double>(result.loss) - mean_loss) / static_cast<double>(std::min<std::int64_t>(step + 1, 100));
  }
  loader.wait();
  std::printf("mean loss of the last 100 of %d steps: %.3f\n", static_cast<int>(steps), mean_loss);

  const Tensor scores = predict(learner.network(), digits.test);
  const double accuracy = classification_report(scores, digits.test.targets).accuracy;
  std::printf("test accuracy: %.4f\n", accuracy);
  return accuracy > 0.95 ? 0 : 1;
}
