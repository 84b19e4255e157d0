// The adding problem (Hochreiter & Schmidhuber 1997): each step of a sequence of 200 brings a number in [0, 1] and a mark; two
// steps are marked, one in each half, and their numbers must be added. Always to say 1 leaves a mean squared error of 1/6 = 0.167.
// LSTM neurons carry the first number to the end; in simple recurrent neurons the gradient has vanished long before it gets there.
#include <cstdio>
#include <neurons/neurons.hpp>

using namespace neurons;

namespace {

constexpr std::int64_t kSteps = 200;
constexpr std::int64_t kRows = 50;

void fill(const Batch& batch, RandomStream& random) {
  const auto x = batch.inputs[0].values<float>();
  const auto sums = batch.target.values<float>();
  for (std::size_t row = 0; row < sums.size(); ++row) {
    float* const sequence = &x[row * 2 * kSteps];
    for (std::int64_t t = 0; t < kSteps; ++t) {
      sequence[2 * t] = static_cast<float>(random.uniform());
      sequence[2 * t + 1] = 0;
    }
    sums[row] = 0;
    for (const std::int64_t half : {std::int64_t{0}, kSteps / 2}) {
      const std::int64_t t = half + static_cast<std::int64_t>(random.below(kSteps / 2));
      sequence[2 * t + 1] = 1;
      sums[row] += sequence[2 * t];
    }
  }
}

/// The mean loss of the last hundred of `steps` steps.
double learn(const Layer& layer, std::int64_t steps) {
  Sequential network({kSteps, 2}, layer, Dense{1});
  network.initialize(1);
  Learner learner(network, {.loss = MeanSquaredError{}, .optimizer = Adam{.learning_rate = 2e-3F}});
  RandomStream random(7);
  double last = 0;
  for (std::int64_t step = 1; step <= steps; ++step) {
    fill(learner.batch(kRows), random);
    const double loss = static_cast<double>(learner.step(kRows).loss);
    if (step > steps - 100) last += loss / 100;
  }
  return last;
}

}  // namespace

int main() {
  const double remembered = learn(Lstm{.hidden = 32}, 3000);
  const double forgotten = learn(SimpleRnn{.hidden = 32}, 3000);
  std::printf("mean squared error after 3000 batches: LSTM %.4f, simple recurrent neurons %.4f\n", remembered, forgotten);
  return remembered < 0.02 && forgotten > 0.1 ? 0 : 1;
}
