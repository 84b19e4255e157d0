// What every op of the table must hold, on every one of its samples.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/graph/rewrite.hpp"
#include "neurons/ops/testing.hpp"

namespace neurons::ops::testing {
namespace {

class EveryOp : public ::testing::TestWithParam<const OpDef*> {
 protected:
  const OpDef& op() const { return *GetParam(); }

  template <typename Check>
  void for_each_sample(Check check) const {
    if (!op().samples) return;  // HasAllItsParts tells of it
    for (const Sample& sample : op().samples()) {
      const std::string options = sample.options.to_string();
      SCOPED_TRACE(op().name + ", sample \"" + sample.note + "\"" + (options.empty() ? "" : " {" + options + "}"));
      try {
        check(Case(op(), sample));
      } catch (const std::exception& error) {
        ADD_FAILURE() << "threw: " << error.what();
      }
      if (HasFailure()) return;
    }
  }
};

std::string output_name(std::size_t output) { return "output " + std::to_string(output); }

TEST_P(EveryOp, HasAllItsParts) {
  EXPECT_FALSE(op().summary.empty());
  ASSERT_TRUE(op().samples != nullptr);
  EXPECT_FALSE(op().samples().empty());
  if (op().internal) {
    EXPECT_TRUE(op().onnx.empty()) << "internal ops have no ONNX name";
  } else {
    EXPECT_FALSE(op().source.empty());
    EXPECT_TRUE(op().gradient || op().decompose || !op().not_differentiable.empty());
    EXPECT_TRUE(op().not_differentiable.empty() || !op().gradient) << "a gradient and a reason to have none";
  }
  const auto options = op().default_options.names();
  for (const OnnxInput& input : op().onnx_inputs) EXPECT_THAT(options, ::testing::Contains(input.option));
  for (const auto& [theirs, ours] : op().onnx_attributes) EXPECT_THAT(options, ::testing::Contains(ours)) << theirs;
  for (const Kernel& kernel : op().kernels) {
    EXPECT_FALSE(kernel.name.empty());
    EXPECT_TRUE(kernel.prepare != nullptr) << kernel.name;
  }
}

TEST_P(EveryOp, OptionsSurviveTheirOpenForm) {
  for_each_sample([this](const Case& test) {
    if (op().name == "Chain") return;  // listed, never parsed
    const Attributes attributes = test.sample.options.attributes();
    if (attributes.empty()) return;
    EXPECT_EQ(op().default_options.with(attributes).attributes(), attributes);
  });
}

TEST_P(EveryOp, ReferenceFillsWhatInferPromises) {
  for_each_sample([](const Case& test) {
    const auto types = test.op.infer(test.context());
    const auto outputs = reference_of(test);
    ASSERT_EQ(outputs.size(), types.size());
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      ASSERT_EQ(outputs[o].data.size(), static_cast<std::size_t>(types[o].shape.elements()));
      const auto unwritten_at = std::ranges::find_if(outputs[o].data, [](double value) { return std::isnan(value); });
      ASSERT_EQ(unwritten_at, outputs[o].data.end()) << output_name(o) << ", element " << unwritten_at - outputs[o].data.begin();
    }
  });
}

TEST_P(EveryOp, KernelsAgreeWithTheReference) {
  for_each_sample([](const Case& test) {
    const auto expected = reference_of(test);
    for (const Kernel& kernel : test.op.kernels) {
      if (kernel.refuse && !kernel.refuse(test.context()).empty()) continue;
      const KernelRun run = run_kernel(kernel, test, 1, {});
      EXPECT_TRUE(run.stayed_inside) << kernel.name << " wrote outside of its outputs";
      EXPECT_TRUE(run.inputs_unchanged) << kernel.name << " wrote to an input";
      for (std::size_t o = 0; o < expected.size(); ++o) {
        expect_near(widen(tensor_of(expected[o].type, run.outputs[o])), expected[o], test.sample.tolerance,
                    kernel.name + ", " + output_name(o));
      }
    }
  });
}

TEST_P(EveryOp, TwoWorkersGiveTheSameBits) {
  for_each_sample([](const Case& test) {
    for (const Kernel& kernel : test.op.kernels) {
      if (kernel.refuse && !kernel.refuse(test.context()).empty()) continue;
      const KernelRun two = run_kernel(kernel, test, 2, {});
      EXPECT_TRUE(two.stayed_inside) << kernel.name << " wrote outside of its outputs";
      EXPECT_EQ(two.outputs, run_kernel(kernel, test, 1, {}).outputs) << kernel.name;
    }
  });
}

TEST_P(EveryOp, InPlaceGivesTheSameBits) {
  for_each_sample([](const Case& test) {
    const auto pairs = allowed_aliases(test);
    std::vector<std::vector<std::pair<int, int>>> choices;
    for (const auto& pair : pairs) choices.push_back({pair});
    std::vector<std::pair<int, int>> all;  // each output in the first input that no other has taken
    for (const auto& pair : pairs) {
      const auto taken = [&](const auto& other) { return other.first == pair.first || other.second == pair.second; };
      if (std::ranges::none_of(all, taken)) all.push_back(pair);
    }
    if (all.size() > 1) choices.push_back(all);
    for (const Kernel& kernel : test.op.kernels) {
      if (kernel.refuse && !kernel.refuse(test.context()).empty()) continue;
      const auto apart = run_kernel(kernel, test, 1, {}).outputs;
      for (const auto& choice : choices) {
        const KernelRun run = run_kernel(kernel, test, 2, choice);
        EXPECT_TRUE(run.stayed_inside && run.inputs_unchanged) << kernel.name;
        EXPECT_EQ(run.outputs, apart) << kernel.name << ", output " << choice[0].first << " in input " << choice[0].second;
      }
    }
  });
}

class TwiceDefined : public EveryOp {};

TEST_P(TwiceDefined, DecompositionAgreesWithTheReference) {
  for_each_sample([](const Case& test) {
    Graph graph(table());
    const auto inputs = test.values(graph);
    const auto results = test.op.decompose({graph, test.op, test.sample.options, inputs, "op"});
    const auto values = evaluate(graph, given_of(test));
    const auto expected = reference_of(test);
    ASSERT_EQ(results.size(), expected.size());
    for (std::size_t o = 0; o < expected.size(); ++o) {
      EXPECT_EQ(results[o].type(), expected[o].type);
      expect_near(values[static_cast<std::size_t>(results[o].id())], expected[o], 1e-6, output_name(o));
    }
  });
}

class Simplifying : public EveryOp {};

TEST_P(Simplifying, AgreesWithTheReference) {
  for_each_sample([](const Case& test) {
    for (const bool constants : {false, true}) {
      Graph graph(table());
      const auto inputs = test.values(graph, [&](std::size_t i) { return constants && i > 0; });
      const auto outputs = graph.emit_all(test.op, inputs, test.sample.options);
      for (std::size_t o = 0; o < outputs.size(); ++o) graph.output(output_name(o), outputs[o]);
      const Graph better = simplify(graph);
      const auto values = evaluate(better, given_of(test));
      const auto expected = reference_of(test);
      for (std::size_t o = 0; o < expected.size(); ++o) {
        const int id = better.outputs()[o].value;
        EXPECT_EQ(better.info(id).type, expected[o].type);
        expect_near(values[static_cast<std::size_t>(id)], expected[o], 1e-6, output_name(o));
      }
    }
  });
}

class NeedsInputs : public EveryOp {};

TEST_P(NeedsInputs, RefusesNoneWithItsName) {
  Graph graph(table());
  try {
    graph.emit_all(op(), {}, op().default_options);
    ADD_FAILURE() << "took no inputs";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(op().name));
  }
}

template <typename Predicate>
std::vector<const OpDef*> ops_that(Predicate predicate) {
  std::vector<const OpDef*> result = table()->all();
  std::erase_if(result, [&](const OpDef* op) { return !predicate(*op); });
  return result;
}

std::string name_of_op(const ::testing::TestParamInfo<const OpDef*>& chosen) { return chosen.param->name; }

INSTANTIATE_TEST_SUITE_P(Ops, EveryOp, ::testing::ValuesIn(table()->all()), name_of_op);
INSTANTIATE_TEST_SUITE_P(Ops, TwiceDefined,
                         ::testing::ValuesIn(ops_that([](const OpDef& op) { return op.decompose && op.reference; })), name_of_op);
INSTANTIATE_TEST_SUITE_P(Ops, Simplifying, ::testing::ValuesIn(ops_that([](const OpDef& op) { return op.simplify != nullptr; })),
                         name_of_op);
INSTANTIATE_TEST_SUITE_P(Ops, NeedsInputs, ::testing::ValuesIn(ops_that([](const OpDef& op) { return op.minimum_inputs > 0; })),
                         name_of_op);

}  // namespace
}  // namespace neurons::ops::testing
