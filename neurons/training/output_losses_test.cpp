/// Networks whose outputs have losses of their own: held against single losses in double, and against a loop written by hand.

#include "neurons/training/output_losses.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "neurons/base/random.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/graph/gradients.hpp"
#include "neurons/layers/activations.hpp"
#include "neurons/layers/dense.hpp"
#include "neurons/layers/shapes.hpp"
#include "neurons/plan/interpret.hpp"
#include "neurons/training/learner.hpp"
#include "neurons/training/nonfinite.hpp"
#include "neurons/training/tally.hpp"
#include "neurons/training/trainer.hpp"

namespace neurons {
namespace {

using ::testing::HasSubstr;
using testing::message_of;

constexpr std::int64_t kRows = 6;

/// One body, three heads: "spare" has no loss.
Network two_heads() {
  Network network;
  const auto x = network.input("x", {3});
  const auto body = network.add(Dense{.units = 5, .activation = "tanh"}, x, "body");
  network.output("spare", network.add(Dense{2}, body, "third"));
  network.output("kind", network.add(Dense{4}, body, "first"));
  network.output("size", network.add(Dense{2}, body, "second"));
  network.initialize(7);
  return network;
}

struct Samples {
  Tensor x{DType::f32, {kRows, 3}};
  Tensor kinds{DType::i64, {kRows}};
  Tensor sizes{DType::f32, {kRows, 2}};
  Tensor weights{DType::f32, {kRows}};
};

Samples samples(std::uint64_t seed) {
  Samples result;
  RandomStream random(seed);
  for (float& value : result.x.values<float>()) value = static_cast<float>(random.normal());
  for (std::int64_t& label : result.kinds.values<std::int64_t>()) label = static_cast<std::int64_t>(random.below(4));
  for (float& value : result.sizes.values<float>()) value = static_cast<float>(random.normal());
  for (float& value : result.weights.values<float>()) value = static_cast<float>(random.below(4));
  return result;
}

const Losses kBoth = {{"kind", CrossEntropy{}}, {"size", Huber{.delta = 0.5F}, 0.375}};

/// The gradients of the sum of these losses with respect to every parameter, in double.
std::map<std::string, std::vector<double>> exact_gradients(const Network& network, const Losses& losses, const Samples& given,
                                                           bool weighted) {
  Graph graph(network.table());
  network.build(graph, kRows, Mode::training);
  const auto parts = losses.of(network);
  const Value sum = append_losses(graph, parts, weighted, kRows).sum;
  ReferenceValues values{{"x", widen(given.x)}};
  if (weighted) values["sample_weights"] = widen(given.weights);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    values[name_of_part("target", i, parts)] = widen(parts[i].output == "kind" ? given.kinds : given.sizes);
  }
  std::vector<Value> parameters;
  for (const auto& [name, type] : network.parameter_types()) {
    values[name] = widen(network.parameter(name));
    parameters.push_back(graph.find(name));
  }
  const auto slopes = gradients(sum, parameters);
  const auto all = interpret(graph, values);
  std::map<std::string, std::vector<double>> result;
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    result[network.parameter_types()[i].first] = all[static_cast<std::size_t>(slopes[i].id())].data;
  }
  return result;
}

TEST(OutputLosses, GradientsAreTheWeightedSumOfThoseOfEachAlone) {
  const Network network = two_heads();
  for (const bool weighted : {false, true}) {
    const Samples given = samples(1);
    const auto both = exact_gradients(network, kBoth, given, weighted);
    const auto kind = exact_gradients(network, {{"kind", CrossEntropy{}}}, given, weighted);
    const auto size = exact_gradients(network, {{"size", Huber{.delta = 0.5F}}}, given, weighted);
    for (const auto& [name, gradient] : both) {
      double largest = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        EXPECT_NEAR(gradient[i], kind.at(name)[i] + 0.375 * size.at(name)[i], 1e-12) << name << ' ' << i;
        largest = std::max(largest, std::abs(gradient[i]));
      }
      EXPECT_EQ(largest == 0, name.starts_with("third")) << name;
    }
    EXPECT_NE(kind.at("body.weight"), both.at("body.weight"));
    EXPECT_EQ(kind.at("second.weight"), std::vector<double>(10, 0.0));
  }
}

LearnerOptions options_with(const Losses& losses, int accumulate = 1) {
  LearnerOptions options;
  options.loss = losses;
  options.optimizer = Sgd{.learning_rate = 0.1F};
  options.accumulate = accumulate;
  options.team = std::make_shared<ThreadTeam>(1);
  return options;
}

void fill(const Batch& batch, const Samples& given) {
  batch.inputs[0].assign(given.x);
  batch.targets.at(0).assign(given.kinds);
  batch.targets.at(1).assign(given.sizes);
  if (batch.weights.data != nullptr) batch.weights.assign(given.weights);
}

/// w - 0.1 · gradient, in double: the parameters after these batches, each of which makes an update.
std::map<std::string, std::vector<double>> reference_loop(Network network, int steps, bool weighted) {
  for (int step = 0; step < steps; ++step) {
    const Samples given = samples(static_cast<std::uint64_t>(step));
    for (const auto& [name, gradient] : exact_gradients(network, kBoth, given, weighted)) {
      Tensor moved = network.parameter(name);
      for (std::size_t i = 0; i < gradient.size(); ++i) moved.values<float>()[i] -= static_cast<float>(0.1 * gradient[i]);
      network.set_parameter(name, moved);
    }
  }
  std::map<std::string, std::vector<double>> result;
  for (const auto& [name, tensor] : network.parameters()) result[name] = widen(tensor).data;
  return result;
}

TEST(OutputLosses, ALearnerGoesTheWayOfALoopWrittenByHand) {
  for (const bool weighted : {false, true}) {
    LearnerOptions options = options_with(kBoth);
    options.sample_weights = weighted;
    Learner learner(two_heads(), options);
    for (int step = 0; step < 40; ++step) {
      fill(learner.batch(kRows), samples(static_cast<std::uint64_t>(step)));
      ASSERT_TRUE(learner.step(kRows).updated);
    }
    const auto expected = reference_loop(two_heads(), 40, weighted);
    for (const auto& [name, tensor] : learner.network().parameters()) {
      for (std::size_t i = 0; i < expected.at(name).size(); ++i) {
        EXPECT_NEAR(static_cast<double>(tensor.values<float>()[i]), expected.at(name)[i], 1e-5) << name << ' ' << i;
      }
    }
  }
}

TEST(OutputLosses, EachTellsItsLossAndPrediction) {
  LearnerOptions options = options_with(kBoth);
  options.sample_weights = true;
  Learner learner(two_heads(), options);
  const Samples given = samples(3);
  double weight = 0;
  for (const float one : given.weights.values<float>()) weight += static_cast<double>(one);
  fill(learner.evaluation_batch(kRows), given);
  const Learner::Evaluation judged = learner.evaluate(kRows);
  fill(learner.batch(kRows), given);
  const StepResult result = learner.step(kRows);
  EXPECT_FLOAT_EQ(judged.loss, result.loss) << "no layer here differs in training";
  for (const auto& results : {judged.loss_results, learner.loss_results()}) {
    ASSERT_EQ(results.size(), 2U);
    EXPECT_FLOAT_EQ(result.loss, results[0].mean + 0.375F * results[1].mean);
    EXPECT_FLOAT_EQ(results[0].weight, static_cast<float>(weight));
    EXPECT_FLOAT_EQ(results[1].weight, static_cast<float>(weight));
  }
  EXPECT_FLOAT_EQ(result.weight, static_cast<float>(weight));
  // Each output's own numbers, from what the network said: the Huber loss by hand, and how many kinds were right.
  const TensorView& sizes = learner.predictions()[1];
  double sum = 0;
  for (std::size_t i = 0; i < 2 * kRows; ++i) {
    const double distance =
        std::abs(static_cast<double>(sizes.values<float>()[i]) - static_cast<double>(given.sizes.values<float>()[i]));
    const double loss = distance <= 0.5 ? 0.5 * distance * distance : 0.5 * (distance - 0.25);
    sum += loss / 2 * static_cast<double>(given.weights.values<float>()[i / 2]);
  }
  EXPECT_NEAR(static_cast<double>(learner.loss_results()[1].mean), sum / weight, 1e-6);
  std::int64_t right = 0;
  const auto scores = learner.predictions()[0].values<float>();
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto* first = scores.data() + 4 * row;
    right += std::max_element(first, first + 4) - first == given.kinds.values<std::int64_t>()[row] ? 1 : 0;
  }
  EXPECT_EQ(count_correct(learner.predictions()[0], learner.batch(kRows).targets[0]), right);
  EXPECT_EQ(count_correct(judged.predictions[0], learner.evaluation_batch(kRows).targets[0]), right);
}

TEST(OutputLosses, ALossAloneIsThatOfTheFirstOutputOrOfTheOneNamed) {
  const auto one_step = [](const Losses& losses) {
    Learner learner(two_heads(), options_with(losses));
    const Batch& batch = learner.batch(kRows);
    batch.inputs[0].assign(samples(1).x);
    batch.target.assign(samples(1).sizes);
    EXPECT_EQ(batch.targets.size(), 1U);
    EXPECT_EQ(batch.target.data, batch.targets[0].data);
    const StepResult result = learner.step(kRows);
    EXPECT_EQ(learner.predictions().size(), 1U);
    return std::tuple(result.loss, learner.loss_results()[0].mean, learner.network().parameter("body.weight").values<float>()[0]);
  };
  EXPECT_EQ(one_step(MeanSquaredError{}), one_step({{"spare", MeanSquaredError{}}}));
  const auto [loss, mean, moved] = one_step({{"size", MeanSquaredError{}, 0.25}});
  const auto [whole_loss, whole_mean, whole_moved] = one_step({{"size", MeanSquaredError{}}});
  EXPECT_FLOAT_EQ(whole_loss, whole_mean);
  EXPECT_FLOAT_EQ(mean, whole_mean) << "a loss is told before its weight";
  EXPECT_FLOAT_EQ(loss, 0.25F * mean);
  const float start = two_heads().parameter("body.weight").values<float>()[0];
  EXPECT_NEAR(moved - start, 0.25F * (whole_moved - start), 1e-6F);
}

TEST(OutputLosses, SeveralBatchesMakeTheUpdateOfTheirUnion) {
  // Twice six rows at once, against two batches of six: rows weigh differently.
  LearnerOptions options = options_with(kBoth, 2);
  options.sample_weights = true;
  Learner parts(two_heads(), options);
  options.accumulate = 1;
  Learner whole(two_heads(), options);
  const auto half = [](const TensorView& all, std::int64_t index) {
    TensorView view{all.dtype, all.shape.with(0, kRows), all.data};
    view.data = all.bytes().data() + static_cast<std::size_t>(index) * (all.bytes().size() / 2);
    return view;
  };
  for (std::int64_t i = 0; i < 2; ++i) {
    const Samples given = samples(static_cast<std::uint64_t>(i));
    const Batch& all = whole.batch(2 * kRows);
    fill(Batch{{half(all.inputs[0], i)}, {}, {half(all.targets[0], i), half(all.targets[1], i)}, half(all.weights, i)}, given);
    fill(parts.batch(kRows), given);
    EXPECT_EQ(parts.step(kRows).updated, i == 1);
  }
  whole.step(2 * kRows);
  for (const auto& [name, tensor] : parts.network().parameters()) {
    const auto expected = whole.network().parameter(name).values<float>();
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(tensor.values<float>()[i], expected[i], 1e-6) << name;
  }
  Learner uneven(two_heads(),
                 options_with({{"kind", CrossEntropy{.class_weights = {1, 2, 1, 1}}}, {"size", MeanSquaredError{}}}, 2));
  EXPECT_THAT(message_of([&] { uneven.batch(kRows); }), HasSubstr("leave out class_weights"));
}

TEST(OutputLosses, ClassWeightsWeighTheirOwnLossAlone) {
  const Losses losses = {{"kind", CrossEntropy{.class_weights = {1, 2, 3, 4}}}, {"size", MeanSquaredError{}}};
  Learner learner(two_heads(), options_with(losses));
  const Samples given = samples(5);
  fill(learner.batch(kRows), given);
  learner.step(kRows);
  float weight = 0;
  for (const std::int64_t label : given.kinds.values<std::int64_t>()) weight += static_cast<float>(label + 1);
  EXPECT_FLOAT_EQ(learner.loss_results()[0].weight, weight);
  EXPECT_FLOAT_EQ(learner.loss_results()[1].weight, kRows);
}

TEST(OutputLosses, SaysWhatDoesNotFit) {
  const auto refusal = [](const Losses& losses) {
    return message_of([&] {
      Learner learner(two_heads(), options_with(losses));
      fill(learner.batch(kRows), samples(1));
    });
  };
  EXPECT_EQ(refusal({{"kindd", CrossEntropy{}}}),
            "loss cross_entropy: the network has no output \"kindd\"; did you mean \"kind\"?");
  EXPECT_EQ(refusal({{"colour", MeanSquaredError{}}}), "loss mse: the network has no output \"colour\"; it has spare, kind, size");
  EXPECT_EQ(refusal({{"kind", CrossEntropy{}}, {"kind", Hinge{}}}), "the output \"kind\" has two losses; leave one out");
  EXPECT_EQ(refusal({{"kind", CrossEntropy{}, -1}}), "output \"kind\": the weight -1 of its loss must be at least 0");
  EXPECT_THAT(refusal({{"kind", CrossEntropy{}, std::nan("")}}), HasSubstr("the weight nan of its loss"));
  EXPECT_EQ(refusal(std::vector<OutputLoss>{}), "no output has a loss; give one, such as {\"spare\", CrossEntropy{}}");
  EXPECT_EQ(refusal({{"kind", CrossEntropy{.class_weights = {1, 2}}}, {"size", MeanSquaredError{}}}),
            "output \"kind\": loss cross_entropy: 2 class weights for 4 classes");
  EXPECT_THAT(refusal({{"kind", CrossEntropy{}}, {"size", MeanSquaredError{}, 1, true}}),
              HasSubstr("output \"size\": loss mse: the data has class labels"));
  // Targets of another number or kind.
  EXPECT_THAT(refusal({{"size", MeanSquaredError{}}, {"kind", CrossEntropy{}}}), HasSubstr("i64[6]"));
  EXPECT_THAT(refusal({{"kind", CrossEntropy{}}, {"kind_", MeanSquaredError{}}}), HasSubstr("did you mean \"kind\"?"));
  EXPECT_THAT(refusal({{"kind", CrossEntropy{}}, {"size", MeanSquaredError{}}, {"spare", Hinge{}}}), HasSubstr("nothing thrown"));
}

TEST(OutputLosses, NamesOfTrainingsOwnAreTold) {
  const auto refusal = [](const std::string& input, const std::string& output) {
    Network network;
    network.output(output, network.add(Dense{1}, network.input(input, {2})));
    const Dataset data{.inputs = Tensor(DType::f32, {4, 2}), .targets = Tensor(DType::f32, {4, 1})};
    const std::string said =
        message_of([&] { train(network, data, {.loss = MeanSquaredError{}, .optimizer = Lbfgs{}, .epochs = 1}); });
    EXPECT_EQ(message_of([&] { Learner(network, options_with(MeanSquaredError{})); }), said);
    return said;
  };
  EXPECT_EQ(refusal("target", "y"), "the network's input \"target\" is called as one of training's own is; give it another name");
  EXPECT_THAT(refusal("target.kind", "y"), HasSubstr("the network's input \"target.kind\""));
  EXPECT_THAT(refusal("sample_weights", "y"), HasSubstr("the network's input \"sample_weights\""));
  EXPECT_THAT(refusal("x", "loss"), HasSubstr("the network's output \"loss\""));
  EXPECT_EQ(refusal("targets", "losses"), "nothing thrown");
}

TEST(OutputLosses, ProbabilitiesAreNotMadeTwice) {
  const auto refusal = [](const Network& network, const Loss& loss, const Method& method) {
    Dataset data{.inputs = Tensor(DType::f32, {4, 2}), .targets = Tensor(DType::i64, {4})};
    if (network.parameter("dense1.bias").elements() == 3 && !loss.is_of_classes()) data.targets = Tensor(DType::f32, {4, 3});
    return message_of([&] {
      Network trained = network;
      train(trained, data, {.loss = loss, .optimizer = method, .epochs = 1, .batch_size = 4, .threads = 1});
    });
  };
  const auto drawn = [](Network network) {
    network.initialize(1);
    return network;
  };
  const Network soft = drawn(Sequential{{2}, Dense{3, "softmax"}});
  const std::string said =
      "loss cross_entropy takes logits and makes probabilities of them itself, but the network's output \"y\" ends in softmax; "
      "leave "
      "that out";
  EXPECT_EQ(refusal(soft, CrossEntropy{}, Adam{}), said);
  EXPECT_EQ(refusal(soft, CrossEntropy{}, Lbfgs{}), said);
  EXPECT_EQ(message_of([&] { Learner(soft, options_with(CrossEntropy{})); }), said) << "in a loop of one's own, too";
  EXPECT_EQ(refusal(drawn(Sequential{{2}, Dense{3}, Softmax{}, Identity{}, Flatten{}}), CrossEntropy{}, Adam{}), said);
  EXPECT_THAT(refusal(soft, KlDivergence{}, Adam{}), HasSubstr("loss kl_divergence takes logits"));
  EXPECT_THAT(refusal(drawn(Sequential{{2}, Dense{1, "sigmoid"}}), BinaryCrossEntropy{}, Adam{}), HasSubstr("ends in sigmoid"));
  for (const Loss& loss : std::vector<Loss>{Hinge{}, MeanSquaredError{}}) EXPECT_EQ(refusal(soft, loss, Adam{}), "nothing thrown");
  EXPECT_EQ(refusal(drawn(Sequential{{2}, Dense{3, "tanh"}}), CrossEntropy{}, Adam{}), "nothing thrown");
  EXPECT_EQ(refusal(drawn(Sequential{{2}, Dense{3}, LogSoftmax{}}), CrossEntropy{}, Adam{}), "nothing thrown")
      << "these are logits";
}

TEST(OutputLosses, SaysWhoseTargetIsBad) {
  Learner learner(two_heads(), options_with(kBoth));
  Samples given = samples(1);
  given.sizes.values<float>()[5] = std::nanf("");
  fill(learner.batch(kRows), given);
  EXPECT_FALSE(learner.step(kRows).finite);
  EXPECT_THAT(explain_nonfinite(learner, learner.batch(kRows), {}), HasSubstr("target of \"size\", output 1, sample 2"));
  given = samples(1);
  given.kinds.values<std::int64_t>()[4] = 4;
  fill(learner.batch(kRows), given);
  EXPECT_FALSE(learner.step(kRows).finite);
  EXPECT_THAT(explain_nonfinite(learner, learner.batch(kRows), {}),
              HasSubstr("target of \"kind\", sample 4 of the batch: label 4"));
}

}  // namespace
}  // namespace neurons
