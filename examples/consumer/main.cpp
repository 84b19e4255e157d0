// Another project's program: two layers of neurons learn exclusive or.
#include <algorithm>
#include <cstdio>
#include <neurons/layers/activations.hpp>
#include <neurons/layers/dense.hpp>
#include <neurons/training/learner.hpp>
#include <vector>

int main() {
  using namespace neurons;
  const std::vector<float> inputs = {0, 0, 0, 1, 1, 0, 1, 1};
  const std::vector<std::int64_t> labels = {0, 1, 1, 0};

  auto network = Sequential{{2}, Dense{.units = 8}, Tanh{}, Dense{.units = 2}};
  network.initialize(1);
  Learner learner(network, {.loss = CrossEntropy{}, .optimizer = Adam{.learning_rate = 0.05F}});
  float loss = 0;
  for (int step = 0; step < 200; ++step) {
    const Batch& batch = learner.batch(4);
    std::ranges::copy(inputs, batch.inputs[0].values<float>().begin());
    std::ranges::copy(labels, batch.target.values<std::int64_t>().begin());
    loss = learner.step(4).loss;
  }
  std::printf("loss after 200 steps: %.4f\n", static_cast<double>(loss));
  return loss < 0.05F ? 0 : 1;
}
