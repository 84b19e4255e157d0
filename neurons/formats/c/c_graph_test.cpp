// Graphs as other programs export them: generated C, checked by sanitizers while it runs, says what a plan says.

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "neurons/base/random.hpp"
#include "neurons/base/testing/near_largest.hpp"
#include "neurons/formats/c/known_values.hpp"
#include "neurons/formats/c/run_c_testing.hpp"
#include "neurons/ops/ops.hpp"
#include "neurons/plan/plan.hpp"

namespace neurons::c {
namespace {

using ::testing::HasSubstr;
using Indices = std::vector<std::int64_t>;

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor result(DType::f32, shape);
  RandomStream random(seed);
  for (float& value : result.values<float>()) value = static_cast<float>(random.normal());
  return result;
}

/// A graph with random weights.
struct Builder {
  Graph graph{ops::table()};
  Value x;
  std::uint64_t seed = 1;

  explicit Builder(const Shape& shape) : x(graph.input("x", {DType::f32, shape})) {}
  Value weights(const Shape& shape) { return graph.constant(random_tensor(shape, ++seed)); }
  Value indices(const Indices& values) {
    return graph.constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  Value index(std::int64_t value) { return graph.constant(Tensor::of<std::int64_t>(Shape{}, {value})); }
  /// Every output of a node.
  std::vector<Value> all(std::string_view op, std::initializer_list<Value> inputs, const Attributes& changed) {
    const OpDef& def = graph.table()->find(op);
    const std::vector<Value> values(inputs);
    return graph.emit_all(def, values, def.default_options.with(changed));
  }
};

using Build = std::function<Value(Builder&)>;

struct Results {
  std::vector<float> plan, c;
  std::string source;
};

/// What a plan and generated C make of `samples`.
Results results_of(const Tensor& samples, const Build& build) {
  Builder builder(samples.shape());
  builder.graph.output("y", build(builder));
  Plan plan = compile(builder.graph, std::make_shared<StateStore>(ops::table()));
  plan.input("x").assign(samples);
  plan.run();
  const auto values = plan.output("y").values<float>();
  const std::vector<float> expected(values.begin(), values.end());
  const CSource source = to_c(builder.graph, {});
  const testing::Generated program(source, "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all", testing::kPredict);
  return {expected, program.run(samples.values<float>(), expected.size()), source.source.substr(0, 4000)};
}

void expect_same(const Shape& shape, const Build& build) {
  const Results results = results_of(random_tensor(shape, 77), build);
  neurons::testing::expect_near_largest<float>(results.c, results.plan, results.source);
}

std::string refusal(const Shape& shape, const Build& build) {
  Builder builder(shape);
  builder.graph.output("y", build(builder));
  return neurons::testing::message_of([&] { to_c(builder.graph, {}); });
}

/// One of kRecurrent, [steps, 1, 3] to [steps, directions, 1, 4], all that it gives.
std::vector<Value> recurrent(Builder& b, const std::string& op, const std::string& direction, Value x, bool initial) {
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  const bool gru = op.starts_with("GRU");
  const std::int64_t rows = 4 * (op == "LSTM" ? 4 : gru ? 3 : 1);
  const Value w = b.weights({directions, rows, x.shape()[2]});
  const Value r = b.weights({directions, rows, 4});
  const Value bias = b.weights({directions, 2 * rows});
  const Value h = initial ? b.weights({directions, 1, 4}) : Value{};
  Attributes changed{{"direction", direction}, {"hidden_size", std::int64_t{4}}};
  if (op == "RNN" && initial)
    changed.push_back({"activations", std::vector<std::string>(static_cast<std::size_t>(directions), "Relu")});
  if (gru) changed.push_back({"linear_before_reset", op == "GRU"});
  if (op == "LSTM") return b.all(op, {x, w, r, bias, Value{}, h, initial ? b.weights({directions, 1, 4}) : Value{}}, changed);
  return b.all(gru ? "GRU" : op, {x, w, r, bias, Value{}, h}, changed);
}

/// [steps, directions, 1, units] as PyTorch exports y: [1, steps, directions · units].
Value batch_first(Value y) {
  const Shape& shape = y.shape();
  const Value turned = emit_with("Transpose", {y}, {{"perm", Indices{0, 2, 1, 3}}});
  const Value flat = emit_with("Reshape", {turned}, {{"shape", Indices{shape[0], 1, shape[1] * shape[3]}}});
  return emit_with("Transpose", {flat}, {{"perm", Indices{1, 0, 2}}});
}

Value linear(Builder& b, Value x) {
  return emit_with("Gemm", {x, b.weights({3, x.shape()[-1]}), b.weights({3})}, {{"trans_b", true}});
}

const char* const kRecurrent[] = {"RNN", "LSTM", "GRU", "GRU that resets before its sum"};
const char* const kDirections[] = {"forward", "reverse", "bidirectional"};

TEST(CGraph, LastStepOfRecurrentLayers) {
  for (const char* op : kRecurrent) {
    for (const char* direction : kDirections) {
      SCOPED_TRACE(fmt::format("{} {}", op, direction));
      for (const std::int64_t step : direction == std::string("bidirectional") ? Indices{-1, 0, 2} : Indices{-1}) {
        expect_same({5, 1, 3}, [&](Builder& b) {
          const Value y = batch_first(recurrent(b, op, direction, b.x, step != 2)[0]);
          return linear(b, emit_with("Gather", {y, b.index(step)}, {{"axis", std::int64_t{1}}}));
        });
      }
    }
  }
}

TEST(CGraph, LastStatesOfRecurrentLayers) {
  for (const char* op : kRecurrent) {
    SCOPED_TRACE(op);
    expect_same({5, 1, 3}, [&](Builder& b) {  // torch.cat([h[-2], h[-1]], -1) of two layers
      const Value first = recurrent(b, op, "bidirectional", b.x, false)[0];
      const Value turned = emit_with("Transpose", {first}, {{"perm", Indices{0, 2, 1, 3}}});
      const Value between = emit_with("Reshape", {turned}, {{"shape", Indices{5, 1, 8}}});
      const Value h = recurrent(b, op, "bidirectional", between, false)[1];
      const auto state = [&](std::int64_t index) { return emit_with("Gather", {h, b.index(index)}, {{"axis", std::int64_t{0}}}); };
      return linear(b, emit_with("Concat", {state(-2), state(-1)}, {{"axis", std::int64_t{-1}}}));
    });
  }
}

TEST(CGraph, ConvolutionsInGroups) {
  const Build two = [](Builder& b) {
    return emit_with("Conv", {b.x, b.weights({6, 2, 3, 3}), b.weights({6})},
                     {{"group", std::int64_t{2}}, {"pads", Indices{1, 1, 1, 1}}});
  };
  expect_same({1, 4, 7, 6}, two);
  expect_same({1, 4, 7, 6}, [&](Builder& b) {  // batch normalisation becomes part of the weights
    return b.graph.emit("BatchNormalization", {two(b), b.weights({6}), b.weights({6}), b.weights({6}),
                                               b.graph.constant(Tensor::of<float>({6}, {1, 2, 3, .5F, 1, 4}))});
  });
  expect_same({1, 6, 9}, [](Builder& b) {
    return emit_with("Conv", {b.x, b.weights({9, 2, 3})}, {{"group", std::int64_t{3}}, {"strides", Indices{2}}});
  });
}

TEST(CGraph, TransposedConvolutions) {
  struct Case {
    Shape x, w;
    Attributes options;
  };
  for (const Case& one : {Case{{1, 6, 4, 5}, {6, 3, 2, 2}, {{"strides", Indices{2, 2}}}},
                          Case{{1, 4, 4, 3},
                               {4, 3, 3, 3},
                               {{"strides", Indices{2, 1}}, {"pads", Indices{1, 0, 1, 1}}, {"output_padding", Indices{1, 0}}}},
                          Case{{1, 4, 3, 3}, {4, 3, 3, 2}, {{"dilations", Indices{2, 2}}, {"strides", Indices{2, 3}}}},
                          Case{{1, 4, 3, 3}, {4, 2, 3, 3}, {{"group", std::int64_t{2}}}},
                          Case{{1, 4, 3, 3}, {4, 1, 2, 2}, {{"group", std::int64_t{4}}, {"strides", Indices{2, 2}}}},
                          Case{{1, 4, 7}, {4, 3, 4}, {{"strides", Indices{2}}, {"pads", Indices{1, 1}}}}}) {
    SCOPED_TRACE(one.w.to_string());
    const std::int64_t group = one.w[1] == 2 ? 2 : one.w[1] == 1 ? 4 : 1;
    expect_same(one.x, [&](Builder& b) {
      return b.graph.emit("Relu",
                          {emit_with("ConvTranspose", {b.x, b.weights(one.w), b.weights({one.w[1] * group})}, one.options)});
    });
    expect_same(one.x, [&](Builder& b) { return emit_with("ConvTranspose", {b.x, b.weights(one.w)}, one.options); });
  }
}

TEST(CGraph, Padding) {
  for (const char* mode : {"constant", "edge", "reflect", "wrap"}) {
    SCOPED_TRACE(mode);
    expect_same({1, 2, 5, 6}, [&](Builder& b) {
      const Value padded =
          emit_with("Pad", {b.x}, {{"pads", Indices{0, 0, 2, 1, 0, 0, 0, 2}}, {"mode", std::string(mode)}, {"value", 0.5}});
      return emit_with("Conv", {padded, b.weights({3, 2, 3, 3})}, {{"strides", Indices{2, 1}}});
    });
  }
  expect_same({1, 4, 6}, [](Builder& b) { return emit_with("Pad", {b.x}, {{"pads", Indices{0, 1, -2, 0, 0, 3}}}); });
  expect_same({1, 4, 6}, [](Builder& b) { return emit_with("Pad", {b.x}, {{"pads", Indices{0, -1, -2, 0, -3, -1}}}); });
}

TEST(CGraph, SlicesAndPieces) {
  const auto slice = [](const Indices& starts, const Indices& ends, const Indices& axes, const Indices& steps) {
    return [=](Builder& b) {
      return emit_with("Slice", {b.x}, {{"starts", starts}, {"ends", ends}, {"axes", axes}, {"steps", steps}});
    };
  };
  expect_same({1, 4, 7, 5}, slice({0, 1}, {7, -1}, {2, 3}, {2, 1}));
  expect_same({1, 4, 7, 5}, slice({-1}, {-100}, {2}, {-1}));  // torch.flip: as many numbers as before
  expect_same({1, 4, 7, 5}, slice({-1, 3, 1}, {-100, 0, 3}, {3, 2, 1}, {-2, -1, 1}));
  expect_same({1, 5, 8}, [](Builder& b) {  // gates
    const auto parts = b.all("Split", {b.x}, {{"axis", std::int64_t{-1}}, {"num_outputs", std::int64_t{2}}});
    return parts[0] * b.graph.emit("Sigmoid", {parts[1]});
  });
  expect_same({1, 6, 4}, [](Builder& b) {
    return emit_with("Gather", {b.x, b.indices({4, 0, 0, -1, 3})}, {{"axis", std::int64_t{1}}});
  });
  expect_same({1, 6, 4}, [](Builder& b) {  // x[:, ::2] beside x[:, 1::2]
    const Value even = emit_with("Gather", {b.x, b.indices({0, 2, 4})}, {{"axis", std::int64_t{1}}});
    const Value odd = emit_with("Gather", {b.x, b.indices({1, 3, 5})}, {{"axis", std::int64_t{1}}});
    return emit_with("Concat", {even, odd, b.x}, {{"axis", std::int64_t{1}}});
  });
  expect_same({1, 4, 3, 5}, [](Builder& b) { return emit_with("Transpose", {b.x}, {{"perm", Indices{0, 3, 2, 1}}}); });
  expect_same({1, 3, 4}, [](Builder& b) { return emit_with("Tile", {b.x}, {{"repeats", Indices{1, 2, 3}}}); });
  expect_same({1, 8, 3, 4}, [](Builder& b) { return emit_with("DepthToSpace", {b.x}, {{"blocksize", std::int64_t{2}}}); });
  expect_same({1, 2, 3, 4}, [](Builder& b) {
    const Value large = emit_with("Resize", {b.x}, {{"scales", std::vector<double>{1, 1, 2, 3}}});
    return emit_with("Conv", {large, b.weights({3, 2, 3, 3})}, {});
  });
}

TEST(CGraph, Broadcasting) {
  expect_same({1, 4, 3, 5}, [](Builder& b) {  // squeeze and excitation
    const Value mean = emit_with("ReduceMean", {b.x}, {{"axes", Indices{2, 3}}, {"keep_dims", true}});
    const Value gate = b.graph.emit("Sigmoid", {emit_with("Conv", {mean, b.weights({4, 4, 1, 1})}, {})});
    return b.x * gate;
  });
  expect_same({1, 4, 5}, [](Builder& b) { return b.x * b.weights({4, 1}) - b.weights({1, 5}); });
  expect_same({1, 4, 5}, [](Builder& b) {
    const Value a = emit_with("ReduceSum", {b.x}, {{"axes", Indices{2}}, {"keep_dims", true}});
    return emit_with("ReduceMax", {b.x}, {{"axes", Indices{1}}, {"keep_dims", true}}) / a;
  });
}

TEST(CGraph, Reductions) {
  for (const char* op : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"}) {
    SCOPED_TRACE(op);
    expect_same({1, 4, 3, 5}, [&](Builder& b) {
      const auto along = [&](const Indices& axes) {
        return emit_with("Reshape", {emit_with(op, {b.x}, {{"axes", axes}, {"keep_dims", false}})}, {{"shape", Indices{1, -1}}});
      };
      return emit_with("Concat", {along({1}), along({-1}), along({1, 2}), along({2})}, {{"axis", std::int64_t{1}}});
    });
  }
}

TEST(CGraph, Resizing) {
  const auto resized = [](const char* mode, std::vector<double> scales, bool antialias, const char* places) {
    return [=](Builder& b) {
      return emit_with("Resize", {b.x},
                       {{"mode", std::string(mode)},
                        {"scales", scales},
                        {"antialias", antialias},
                        {"coordinate_transformation_mode", std::string(places)}});
    };
  };
  for (const char* mode : {"linear", "cubic"}) {
    for (const char* places : {"half_pixel", "align_corners", "asymmetric"}) {
      SCOPED_TRACE(fmt::format("{} {}", mode, places));
      expect_same({1, 3, 4, 5}, resized(mode, {1, 1, 2, 3}, false, places));
      expect_same({1, 1, 7, 6}, resized(mode, {1, 1, 0.6, 1}, true, places));
      expect_same({1, 2, 5}, resized(mode, {1, 1, 1.7}, false, places));
    }
  }
  expect_same({1, 2, 3, 4, 3}, resized("linear", {1, 1, 2, 2, 2}, false, "half_pixel"));
  expect_same({1, 1, 4, 10}, resized("linear", {1, 1, 2, 1.05}, false, "half_pixel"));  // as many, but at other places
  expect_same({1, 2, 4, 4}, [&](Builder& b) {
    b.x = emit_with("Conv", {b.x, b.weights({3, 2, 3, 3})}, {});
    return emit_with("Conv", {resized("linear", {1, 1, 2, 2}, false, "half_pixel")(b), b.weights({2, 3, 3, 3})}, {});
  });
}

/// Near where finite, the same where not.
void expect_alike(const Results& results, const std::string& what) {
  ASSERT_EQ(results.c.size(), results.plan.size());
  for (std::size_t i = 0; i < results.c.size(); ++i) {
    const float expected = results.plan[i];
    if (std::isfinite(expected)) {
      EXPECT_NEAR(results.c[i], expected, 1e-5F) << what << ", number " << i;
    } else {
      EXPECT_TRUE(results.c[i] == expected || (std::isnan(results.c[i]) && std::isnan(expected)))
          << what << ", number " << i << ": " << results.c[i] << " instead of " << expected;
    }
  }
}

TEST(CGraph, ResizingBesideInfinities) {
  Tensor x = random_tensor({1, 1, 3, 4}, 5);
  x.values<float>()[5] = std::numeric_limits<float>::infinity();
  for (const char* mode : {"linear", "cubic"}) {
    const Results results = results_of(x, [&](Builder& b) {
      return emit_with("Resize", {b.x},
                       {{"mode", std::string(mode)},
                        {"scales", std::vector<double>{1, 1, 3, 3}},
                        {"coordinate_transformation_mode", std::string("asymmetric")}});
    });
    EXPECT_GT(std::ranges::count_if(results.plan, [](float y) { return std::isinf(y); }), 0);
    expect_alike(results, mode);
  }
}

TEST(CGraph, WhatIsNoNumberStays) {
  Tensor x = random_tensor({1, 2, 3, 4}, 5);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const std::size_t place : {0U, 5U, 11U, 14U}) x.values<float>()[place] = std::numeric_limits<float>::quiet_NaN();
  x.values<float>()[7] = kInfinity;
  x.values<float>()[20] = -kInfinity;
  const auto clipped = [](float low, float high) {
    return [low, high](Builder& b) { return b.graph.emit("Clip", {b.x, b.graph.scalar(low), b.graph.scalar(high)}); };
  };
  const std::pair<const char*, std::function<Value(Builder&)>> cases[] = {
      {"Relu", [](Builder& b) { return b.graph.emit("Relu", {b.x}); }},
      {"HardSigmoid", [](Builder& b) { return b.graph.emit("HardSigmoid", {b.x}); }},
      {"HardSwish", [](Builder& b) { return b.graph.emit("HardSwish", {b.x}); }},
      {"Softplus", [](Builder& b) { return b.graph.emit("Softplus", {b.x}); }},
      {"Clip", clipped(-0.5F, 0.25F)},
      {"Clip between none", clipped(0.5F, -0.25F)},
      {"Max",
       [](Builder& b) {
         return b.graph.emit("Max", {b.x, b.weights({2, 3, 4})});
       }},
      {"Min",
       [](Builder& b) {
         return b.graph.emit("Min", {b.x, b.weights({2, 3, 4})});
       }},
      {"Max of a number",
       [](Builder& b) {
         return b.graph.emit("Max", {b.x, b.graph.scalar(0.1)});
       }},
      {"Min of a number",
       [](Builder& b) {
         return b.graph.emit("Min", {b.x, b.graph.scalar(0.1)});
       }},
      {"ReduceMax",
       [](Builder& b) {
         return emit_with("ReduceMax", {b.x}, {{"axes", Indices{3}}});
       }},
      {"ReduceMin",
       [](Builder& b) {
         return emit_with("ReduceMin", {b.x}, {{"axes", Indices{2}}});
       }},
      {"MaxPool",
       [](Builder& b) {
         return emit_with("MaxPool", {b.x}, {{"kernel_shape", Indices{2, 2}}});
       }},
  };
  for (const auto& [name, build] : cases) {
    const Results results = results_of(x, build);
    EXPECT_GT(std::ranges::count_if(results.plan, [](float y) { return std::isnan(y); }), 0) << name;
    expect_alike(results, name);
  }
}

TEST(CGraph, Normalizations) {
  for (const Shape& shape : {Shape{1, 6, 4, 3}, Shape{1, 6, 5}, Shape{1, 6}, Shape{1, 6, 2, 3, 2}}) {
    SCOPED_TRACE(shape.to_string());
    for (const std::int64_t groups : {1, 2, 6}) {
      if (groups == 6 && shape.rank() == 2) continue;  // nothing but biases are left
      expect_same(shape, [&](Builder& b) {
        return emit_with("GroupNormalization", {b.x, b.weights({6}), b.weights({6})}, {{"num_groups", groups}, {"epsilon", 1e-3}});
      });
    }
    if (shape.rank() == 2) continue;
    expect_same(shape, [](Builder& b) {
      return emit_with("InstanceNormalization", {b.x, b.weights({6}), b.weights({6})}, {{"epsilon", 1e-2}});
    });
  }
  for (const std::int64_t axis : {-1, 1}) {
    expect_same({1, 3, 5}, [&](Builder& b) {
      return emit_with("RMSNormalization", {b.x, b.weights(axis == 1 ? Shape{3, 5} : Shape{5})},
                       {{"axis", axis}, {"epsilon", 1e-3}});
    });
  }
  expect_same({1, 2, 6, 5}, [](Builder& b) {
    const Value seen = emit_with("Conv", {b.x, b.weights({4, 2, 3, 3})}, {});
    const Value normal = emit_with("GroupNormalization", {seen, b.weights({4}), b.weights({4})}, {{"num_groups", std::int64_t{2}}});
    return emit_with("Conv", {b.graph.emit("Relu", {normal}), b.weights({3, 4, 2, 2})}, {});
  });
}

TEST(CGraph, AveragesThatCountTheirPadding) {
  const auto pool = [](std::int64_t before, std::int64_t after, bool ceil) {
    return [=](Builder& b) {
      return emit_with("AveragePool", {b.x},
                       {{"kernel_shape", Indices{3, 3}},
                        {"strides", Indices{2, 2}},
                        {"pads", Indices{before, before, after, after}},
                        {"ceil_mode", ceil},
                        {"count_include_pad", true}});
    };
  };
  expect_same({1, 2, 7, 8}, pool(1, 1, false));
  expect_same({1, 2, 7, 7}, pool(1, 1, true));
  EXPECT_THAT(refusal({1, 2, 7, 7}, pool(1, 0, true)), HasSubstr("AveragePool: counts its padding, beyond which a window reaches"));
}

TEST(CGraph, InfiniteConstants) {
  expect_same({1, 2, 4, 4}, [](Builder& b) {
    const Value padded =
        emit_with("Pad", {b.x}, {{"pads", Indices{0, 0, 1, 1, 0, 0, 1, 1}}, {"value", -std::numeric_limits<double>::infinity()}});
    return b.graph.emit("Relu", {padded});
  });
}

TEST(CGraph, RefusesWholeNumbersThatAreNoTokens) {
  const auto cast = [](Value x, const char* to) { return emit_with("Cast", {x}, {{"to", std::string(to)}}); };
  const auto moved = [&](Builder& b) {
    const Value below_five = b.graph.emit("Mul", {b.graph.emit("Sigmoid", {b.x}), b.graph.constant(Tensor::of<float>({}, {4.9F}))});
    const Value rows = emit_with("Reshape", {cast(below_five, "i64")}, {{"shape", Indices{6, 1}}});
    return emit_with("Gather", {b.weights({5, 3}), rows}, {{"axis", std::int64_t{0}}});
  };
  expect_same({1, 6}, moved);
  EXPECT_THAT(refusal({1, 6}, [&](Builder& b) { return cast(cast(b.x, "i64"), "f32"); }),
              HasSubstr("Cast: cuts fractions off, of what is no row of a table"));
  const auto half = [&](Builder& b) {
    const Value rows = b.graph.emit("Div", {cast(b.x, "i64"), b.index(2)});
    return emit_with("Gather", {b.weights({5, 3}), rows}, {{"axis", std::int64_t{0}}});
  };
  EXPECT_THAT(refusal({1, 6}, half), HasSubstr("Div: calculates with whole numbers"));
}

TEST(CGraph, RefusesByName) {
  EXPECT_THAT(refusal({1, 4, 3, 5},
                      [](Builder& b) {
                        return emit_with("ReduceSum", {b.x}, {{"axes", Indices{1, 3}}});
                      }),
              HasSubstr("ReduceSum: reduces axes that are not side by side"));
  Indices mixed;
  for (std::int64_t i = 0; i < 400; ++i) mixed.push_back(i * 7919 % 401);
  EXPECT_THAT(refusal({1, 401},
                      [&](Builder& b) {
                        return emit_with("Gather", {b.x, b.indices(mixed)}, {{"axis", std::int64_t{1}}});
                      }),
              HasSubstr("Gather: moves numbers in an order that takes more than 64 loops"));
  EXPECT_THAT(refusal({1, 2, 4, 4},
                      [](Builder& b) {
                        return emit_with("Resize", {b.x},
                                         {{"mode", std::string("linear")},
                                          {"coordinate_transformation_mode", std::string("tf_crop_and_resize")},
                                          {"roi", std::vector<double>{0, 0, 0.2, 0.2, 1, 1, 0.8, 0.8}},
                                          {"scales", std::vector<double>{1, 1, 2, 2}}});
                      }),
              HasSubstr("Resize: cuts a region out"));
  EXPECT_THAT(
      refusal({1, 1, 5},
              [](Builder& b) {
                return emit_with("Resize", {b.x}, {{"mode", std::string("linear")}, {"scales", std::vector<double>{1, 1, 0.1}}});
              }),
      HasSubstr("Resize: leaves no number of its input"));
}

TEST(CGraph, LargestOfThreeAndReflectedPadding) {
  expect_same({1, 3}, [](Builder& b) { return b.graph.emit("Max", {b.x, b.weights({1, 3}), b.weights({1, 1})}); });
  expect_same({1, 2, 5}, [](Builder& b) {
    return emit_with("Pad", {b.x}, {{"pads", Indices{0, 0, 2, 0, 0, 1}}, {"mode", std::string("reflect")}});
  });
}

TEST(CGraph, NumbersThatAreComputedFromConstants) {
  expect_same({2, 3}, [](Builder& b) {
    return b.x * b.graph.emit("Exp", {b.weights({3})}) - b.graph.emit("Neg", {b.weights({2, 1})});
  });
  expect_same({2, 3}, [](Builder& b) { return (b.x - 0.75) / 3.0; });
  expect_same({1, 4, 3}, [](Builder& b) { return b.graph.emit("MatMul", {b.x, b.graph.emit("Exp", {b.weights({3, 2})})}); });
}

TEST(KnownValues, AreComputedWhenTheyAreAskedFor) {
  Graph graph(ops::table());
  const Value x = graph.input("x", {DType::f32, {2}});
  const Value root = graph.emit("Sqrt", {graph.constant(Tensor::of<float>({2}, {1, 4}))});
  const Value column = emit_with("Reshape", {root}, {{"shape", Indices{2, 1}}});
  const Value sum = x + root;
  KnownValues known(graph);
  EXPECT_TRUE(known.has(column.id()));
  EXPECT_EQ(known[column.id()], Tensor::of<float>({2, 1}, {1, 2}));
  EXPECT_FALSE(known.has(sum.id()));
  EXPECT_THAT(neurons::testing::message_of([&] { known[sum.id()]; }), HasSubstr("Add: does not depend on constants alone"));
}

TEST(CGraph, ProductsThatScaleAndAdd) {
  const auto gemm = [](const Shape& added, const Attributes& options) {
    expect_same({4, 3}, [&](Builder& b) { return emit_with("Gemm", {b.x, b.weights({3, 4}), b.weights(added)}, options); });
  };
  gemm({4, 1}, {});
  gemm({1, 4}, {{"alpha", 0.5}, {"beta", 2.0}});
}

TEST(CGraph, RefusesLayersByName) {
  EXPECT_THAT(refusal({3, 4},
                      [](Builder& b) {
                        return emit_with("Gemm", {b.x, b.weights({3, 4})}, {{"trans_a", true}});
                      }),
              HasSubstr("Gemm: its input is transposed"));
  EXPECT_THAT(refusal({1, 2, 4, 4},
                      [](Builder& b) {
                        const Value weights = emit_with("Reshape", {b.x}, {{"shape", Indices{4, 2, 2, 2}}});
                        return b.graph.emit("Conv", {b.x, weights});
                      }),
              HasSubstr("Conv: its weights depend on the network's input"));
  EXPECT_THAT(refusal({1, 4, 3},
                      [](Builder& b) {
                        return emit_with("Softmax", {b.x}, {{"axis", std::int64_t{1}}});
                      }),
              HasSubstr("Softmax: goes along an axis that is not the last"));
  EXPECT_THAT(refusal({1, 2, 4, 4},
                      [](Builder& b) {
                        return b.all("MaxPool", {b.x}, {{"kernel_shape", Indices{2, 2}}, {"indices", true}})[0];
                      }),
              HasSubstr("MaxPool: gives the places of the maxima, too"));
  EXPECT_THAT(refusal({1, 4},
                      [](Builder& b) {
                        return b.graph.emit("Gather", {b.x, emit_with("Cast", {b.x}, {{"to", std::string("i64")}})});
                      }),
              HasSubstr("both what it takes from and which it takes depend on the network's input"));
}

TEST(CGraph, RefusesRecurrentLayersByName) {
  const auto lstm = [](const Attributes& options, bool lengths, bool peepholes) {
    return refusal({5, 1, 3}, [&](Builder& b) {
      Attributes all{{"hidden_size", std::int64_t{4}}};
      all.insert(all.end(), options.begin(), options.end());
      const Value steps = lengths ? b.graph.constant(Tensor::of<std::int32_t>({1}, {3})) : Value{};
      return b.all("LSTM",
                   {b.x, b.weights({1, 16, 3}), b.weights({1, 16, 4}), Value{}, steps, Value{}, Value{},
                    peepholes ? b.weights({1, 12}) : Value{}},
                   all)[0];
    });
  };
  EXPECT_EQ(lstm({}, false, false), "nothing thrown");
  EXPECT_THAT(lstm({{"clip", 0.5}}, false, false), HasSubstr("LSTM: clips its sums"));
  EXPECT_THAT(lstm({{"activations", std::vector<std::string>{"Sigmoid", "Tanh", "Relu"}}}, false, false),
              HasSubstr("LSTM: has activations of its own"));
  EXPECT_THAT(lstm({}, true, false), HasSubstr("LSTM: takes lengths of sequences"));
  EXPECT_THAT(lstm({}, false, true), HasSubstr("LSTM: has peepholes"));
}

}  // namespace
}  // namespace neurons::c
