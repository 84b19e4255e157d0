// Handwritten digits: layers one after the other, trained by one call.
#include <cstdio>
#include <neurons/neurons.hpp>

using namespace neurons;

int main() {
  const TrainTest digits = read_mnist("data/mnist");
  auto network = Sequential{{1, 28, 28}, Flatten{}, Dense{128}, Relu{}, Dropout{0.2F}, Dense{10}};

  train(network, digits.train,
        {.loss = CrossEntropy{},
         .optimizer = Adam{.learning_rate = 1e-3F},
         .schedule = Cosine{},
         .epochs = 5,
         .batch_size = 128,
         .seed = 1,
         .on_epoch = [](const EpochRecord& epoch) {
           std::printf("epoch %d: loss %.4f, accuracy %.4f\n", static_cast<int>(epoch.epoch), epoch.loss, epoch.accuracy);
         }});

  const auto report = classification_report(predict(network, digits.test), digits.test.targets);
  std::printf("test accuracy: %.4f\n", report.accuracy);
  return report.accuracy > 0.95 ? 0 : 1;
}
