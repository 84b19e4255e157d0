#include "neurons/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "neurons/base/testing.hpp"
#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor vector_of(const std::vector<float>& values) { return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values); }

class PlanTest : public ::testing::Test {
 protected:
  Value input(const std::string& name, const Shape& shape = {2}) { return graph.input(name, {DType::f32, shape}); }
  Value state(const std::string& name, const std::vector<float>& values) {
    store->set(name, vector_of(values));
    return graph.state(name, {DType::f32, {static_cast<std::int64_t>(values.size())}});
  }
  Value relu(Value value) { return graph.emit("Relu", {value}); }
  Plan compiled(const CompileOptions& options = {}) { return compile(graph, store, options); }
  static void set(const Plan& plan, std::string_view name, const std::vector<float>& values, int slot = 0) {
    plan.input(name, slot).assign(vector_of(values));
  }
  static std::vector<float> get(const Plan& plan, std::string_view name) {
    const auto values = plan.output(name).values<float>();
    return {values.begin(), values.end()};
  }
  std::vector<float> stored(const std::string& name) const {
    const Tensor tensor = store->get(name);
    const auto values = tensor.values<float>();
    return {values.begin(), values.end()};
  }

  Graph graph{ops::table()};
  std::shared_ptr<StateStore> store = std::make_shared<StateStore>(ops::table());
};

TEST_F(PlanTest, RunsAgainAndAgain) {
  graph.output("y", relu(input("x") * 2));
  Plan plan = compiled();
  set(plan, "x", {1, -1});
  EXPECT_TRUE(plan.run());
  EXPECT_THAT(get(plan, "y"), ElementsAre(2, 0));
  set(plan, "x", {-3, 4});
  EXPECT_TRUE(plan.run());
  EXPECT_THAT(get(plan, "y"), ElementsAre(0, 8));
}

TEST_F(PlanTest, MayBeMoved) {
  graph.output("y", relu(input("x")));
  Plan first = compiled();
  Plan plan = std::move(first);
  set(plan, "x", {1, -1});
  EXPECT_TRUE(plan.run());
  EXPECT_THAT(get(plan, "y"), ElementsAre(1, 0));
}

TEST_F(PlanTest, HasZerosForStatesThatTheStoreDoesNotKnow) {
  const Value count = graph.state("count", {DType::f32, {1}});
  graph.assign(count, count + 1);
  Plan plan = compiled();
  EXPECT_THAT(stored("count"), ElementsAre(0));
  plan.run();
  plan.run();
  EXPECT_THAT(stored("count"), ElementsAre(2));
}

TEST_F(PlanTest, SeesWhatTheStoreIsGivenBetweenRuns) {
  graph.output("y", input("x") * state("w", {1, 2}));
  Plan plan = compiled();
  set(plan, "x", {10, 10});
  store->set("w", vector_of({3, 4}));
  plan.run();
  EXPECT_THAT(get(plan, "y"), ElementsAre(30, 40));
}

TEST_F(PlanTest, SharesStatesWithOtherPlansInTheirLayout) {
  store->set("w", Tensor::of<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}));
  const auto product = [&](std::int64_t batch) {
    Graph own(ops::table());
    const Value x = own.input("x", {DType::f32, {batch, 2}});
    own.output("y", own.emit("MatMul", {x, own.state("w", {DType::f32, {2, 3}})}));
    return compile(own, store);
  };
  Plan one = product(1);
  Plan two = product(2);
  EXPECT_TRUE(store->layout("w").has_value());
  one.input("x").assign(Tensor::of<float>({1, 2}, std::vector<float>{1, 10}));
  two.input("x").assign(Tensor::of<float>({2, 2}, std::vector<float>{1, 0, 0, 1}));
  one.run();
  two.run();
  EXPECT_THAT(get(one, "y"), ElementsAre(41, 52, 63));
  EXPECT_THAT(get(two, "y"), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(PlanTest, HasASetOfInputsForEachSlot) {
  const Value x = input("x");
  graph.output("y", relu(x));
  graph.output("same", x);
  CompileOptions options;
  options.slots = 2;
  Plan plan = compiled(options);
  set(plan, "x", {1, 2}, 0);
  set(plan, "x", {3, 4}, 1);
  plan.run(1);
  EXPECT_THAT(get(plan, "y"), ElementsAre(3, 4));
  EXPECT_THAT(get(plan, "same"), ElementsAre(3, 4)) << "an input that is an output is the one of the slot that ran";
  plan.run(0);
  EXPECT_THAT(get(plan, "y"), ElementsAre(1, 2));
}

TEST_F(PlanTest, ViewsOfInputsAreTheirMemory) {
  const Value flat = graph.emit("Flatten", {input("x", {1, 1, 2})});
  graph.output("square", graph.emit("Softplus", {flat}) * flat);
  graph.output("flat", flat * 1);
  graph.output("view", flat);
  CompileOptions options;
  options.slots = 2;
  Plan plan = compiled(options);
  const auto fill = [&](int slot, float a, float b) { plan.input("x", slot).assign(Tensor::of<float>({1, 1, 2}, {a, b})); };
  fill(0, 1, 2);
  fill(1, 3, 4);
  plan.run(1);
  plan.run(0);
  EXPECT_THAT(get(plan, "flat"), ElementsAre(1, 2));
  plan.run(1);
  fill(1, 5, 6);
  EXPECT_THAT(get(plan, "flat"), ElementsAre(3, 4));
  EXPECT_THAT(get(plan, "view"), ElementsAre(3, 4)) << "a result outlives the next input";
  EXPECT_THAT(plan.input("x", 0).values<float>(), ElementsAre(1, 2)) << "nothing is written into an input";
}

TEST_F(PlanTest, ViewsOfInputsNeedNoArena) {
  const Value flat = graph.emit("Flatten", {input("x", {10, 10, 10})});
  graph.output("sum", graph.emit("ReduceSum", {flat}));
  const Plan plan = compiled();
  EXPECT_LE(plan.arena_bytes(), align_up(4));
  EXPECT_EQ(plan.steps().front().bytes, 0) << "nothing is read or written";
}

TEST_F(PlanTest, AssignsFromTheSlotThatRan) {
  graph.assign(state("last", {0, 0}), input("x"));
  CompileOptions options;
  options.slots = 2;
  Plan plan = compiled(options);
  set(plan, "x", {1, 2}, 0);
  set(plan, "x", {3, 4}, 1);
  plan.run(1);
  EXPECT_THAT(stored("last"), ElementsAre(3, 4));
}

TEST_F(PlanTest, SwapsStates) {
  const Value a = state("a", {1, 2});
  const Value b = state("b", {3, 4});
  graph.assign(a, b);
  graph.assign(b, a);
  Plan plan = compiled();
  plan.run();
  EXPECT_THAT(stored("a"), ElementsAre(3, 4));
  EXPECT_THAT(stored("b"), ElementsAre(1, 2));
}

TEST_F(PlanTest, PassesStatesOn) {
  const Value newest = state("newest", {1});
  const Value middle = state("middle", {2});
  const Value oldest = state("oldest", {3});
  graph.assign(newest, input("x", {1}));
  graph.assign(middle, newest);
  graph.assign(oldest, middle);
  Plan plan = compiled();
  set(plan, "x", {0});
  plan.run();
  EXPECT_THAT(stored("newest"), ElementsAre(0));
  EXPECT_THAT(stored("middle"), ElementsAre(1));
  EXPECT_THAT(stored("oldest"), ElementsAre(2));
}

TEST_F(PlanTest, ShowsAStateAsItWasBeforeTheRun) {
  const Value w = state("w", {1, 2});
  graph.output("before", w);
  graph.output("after", w + 1);
  graph.assign(w, w + 1);
  Plan plan = compiled();
  plan.run();
  EXPECT_THAT(get(plan, "before"), ElementsAre(1, 2));
  EXPECT_THAT(get(plan, "after"), ElementsAre(2, 3));
  EXPECT_THAT(stored("w"), ElementsAre(2, 3));
}

TEST_F(PlanTest, KeepsANewStateThatCouldNotBeWrittenInPlaceUntilTheEnd) {
  // W · W reads all of W while it writes: it is made apart and copied when all is done, and nothing may take its memory before.
  store->set("w", Tensor::of<float>({2, 2}, std::vector<float>{1, 1, 0, 1}));
  const Value w = graph.state("w", {DType::f32, {2, 2}});
  graph.assign(w, graph.emit("MatMul", {w, w}));
  const Value x = input("x", {2, 2});
  graph.output("y", graph.emit("MatMul", {graph.emit("MatMul", {x, x}), x}));
  for (const bool lay_out : {false, true}) {
    store = std::make_shared<StateStore>(ops::table());
    store->set("w", Tensor::of<float>({2, 2}, std::vector<float>{1, 1, 0, 1}));
    CompileOptions options;
    options.lay_out = lay_out;
    Plan plan = compiled(options);
    plan.input("x").assign(Tensor::of<float>({2, 2}, std::vector<float>{2, 0, 0, 3}));
    plan.run();
    EXPECT_THAT(stored("w"), ElementsAre(1, 2, 0, 1));
    EXPECT_THAT(get(plan, "y"), ElementsAre(8, 0, 0, 27));
  }
}

TEST_F(PlanTest, GuardStopsBeforeStatesChange) {
  const Value w = state("w", {1, 2});
  const Value count = state("count", {0});
  const Value x = input("x", {1});
  graph.assign(count, count + 1);  // would run first, without a guard
  const Value loss = x * 2;
  graph.output("loss", loss);
  graph.assign(w, w - loss);
  CompileOptions options;
  options.guard = "loss";
  Plan plan = compiled(options);
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    set(plan, "x", {bad});
    EXPECT_FALSE(plan.run());
    EXPECT_THAT(stored("w"), ElementsAre(1, 2));
    EXPECT_THAT(stored("count"), ElementsAre(0));
    EXPECT_FALSE(std::isfinite(get(plan, "loss")[0]));
  }
  set(plan, "x", {1});
  EXPECT_TRUE(plan.run());
  EXPECT_THAT(stored("w"), ElementsAre(-1, 0));
  EXPECT_THAT(stored("count"), ElementsAre(1));
}

TEST_F(PlanTest, GuardStopsBeforeWhatIsFusedWithIt) {
  const Value count = state("count", {0});
  const Value next = count + input("x", {1});
  graph.assign(count, next);
  graph.output("loss", next * 2);  // one chain with the new count
  CompileOptions options;
  options.guard = "loss";
  Plan plan = compiled(options);
  set(plan, "x", {kNan});
  EXPECT_FALSE(plan.run());
  EXPECT_THAT(stored("count"), ElementsAre(0));
}

TEST_F(PlanTest, GuardWatchesWhatNoNodeComputes) {
  const Value x = input("x", {1});
  const Value count = state("count", {0});
  graph.output("loss", x);
  graph.assign(count, count + 1);
  CompileOptions options;
  options.guard = "loss";
  options.slots = 2;
  Plan plan = compiled(options);
  set(plan, "x", {1}, 0);
  set(plan, "x", {kNan}, 1);
  EXPECT_FALSE(plan.run(1));
  EXPECT_THAT(stored("count"), ElementsAre(0));
  EXPECT_TRUE(plan.run(0));
}

TEST_F(PlanTest, SaysWhatIsWrong) {
  const Value x = input("pixels");
  const Value w = state("weight", {1, 2});
  graph.output("prediction", x * w);
  Plan plan = compiled();
  EXPECT_EQ(message_of([&] { (void)plan.input("pixel"); }), "plan: there is no input \"pixel\"; did you mean \"pixels\"?");
  EXPECT_EQ(message_of([&] { (void)plan.output("predictoin"); }),
            "plan: there is no output \"predictoin\"; did you mean \"prediction\"?");
  for (const int slot : {-1, 1, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    const std::string none =
        "plan: there is no input slot " + std::to_string(slot) + "; it was compiled with slots = 1, counted from 0";
    EXPECT_EQ(message_of([&] { (void)plan.input("pixels", slot); }), none);
    EXPECT_EQ(message_of([&] { plan.run(slot); }), none) << "before anything runs";
  }
  CompileOptions options;
  options.slots = 0;
  EXPECT_EQ(message_of([&] { compiled(options); }), "plan: slots = 0 must be at least 1");
  options.slots = 1;
  options.guard = "predicton";
  EXPECT_EQ(message_of([&] { compiled(options); }),
            "plan: the guarded output \"predicton\" is no output; did you mean \"prediction\"?");
  options.guard = "prediction";
  EXPECT_EQ(message_of([&] { compiled(options); }), "plan: the guarded output \"prediction\" is f32[2], expected one f32");
  store = std::make_shared<StateStore>(ops::table());
  store->set("weight", Tensor(DType::f32, {3}));
  EXPECT_EQ(message_of([&] { compiled(); }), "plan: state \"weight\" is f32[2], the store has f32[3]");
}

TEST_F(PlanTest, NamesTheNodeThatNoKernelAccepts) {
  OpTable table = *ops::table();
  OpDef op;
  op.name = "Strange";
  op.infer = [](const InferContext& context) { return std::vector{context.inputs[0]}; };
  op.reference = [](const ReferenceContext& context) { context.outputs[0].data = context.inputs[0]->data; };
  op.not_differentiable = "it is a test";
  OpDef hopeless = op;
  hopeless.name = "Hopeless";
  hopeless.reference = nullptr;
  hopeless.decompose = [](const RewriteContext& context) { return std::vector{context.inputs[0]}; };
  hopeless.kernels = {{"quick", [](const InferContext&) { return std::string("only on Sundays"); }, nullptr}};
  table.add(op);
  table.add(hopeless);
  Graph own(std::make_shared<const OpTable>(table));
  own.set_scope("layer9");
  own.output("y", own.emit("Strange", {own.input("x", {DType::f32, {2}})}));
  Plan plan = compile(own, std::make_shared<StateStore>(own.table()));
  EXPECT_EQ(plan.steps().front().kernel, "reference") << "an op without a kernel of its own still runs";
  set(plan, "x", {5, 6});
  plan.run();
  EXPECT_THAT(get(plan, "y"), ElementsAre(5, 6));
  own.output("z", own.emit("Hopeless", {own.find("x")}));
  EXPECT_EQ(message_of([&] { compile(own, std::make_shared<StateStore>(own.table())); }),
            "layer9: Hopeless: no kernel does it: quick refused: only on Sundays");
}

TEST_F(PlanTest, PrintsItsSteps) {
  store->set("w", Tensor(DType::f32, {3, 4}));
  const Value x = input("x", {2, 4});
  graph.set_scope("dense1");
  const OpDef& gemm = graph.table()->find("Gemm");
  const Value sums = graph.emit(gemm, {x, graph.state("w", {DType::f32, {3, 4}})}, gemm.default_options.with({{"trans_b", true}}));
  graph.set_scope("relu1");
  graph.output("y", relu(sums));
  const Plan plan = compiled();
  const std::string text = to_string(plan);
  EXPECT_THAT(text, HasSubstr("layer"));
  EXPECT_THAT(text, HasSubstr("WeightedSum"));
  EXPECT_THAT(text, HasSubstr("dense1"));
  EXPECT_THAT(text, HasSubstr("Relu(tile)"));
  EXPECT_THAT(text, HasSubstr("f32[2, 3]"));
  EXPECT_THAT(text, HasSubstr("kernel weighted_sum"));
  EXPECT_THAT(text, HasSubstr("states w f32[3, 4] as f32[3, 4, 1] (PackPanels)\n"));
  EXPECT_THAT(text, HasSubstr("1 steps, "));
  EXPECT_EQ(plan.flops(), 2 * 2 * 3 * 4 + 2 * 3) << "products, and one operation for each result";
}

TEST_F(PlanTest, LookingAtAPlanTakesNoMemory) {
  const Value x = input("x", {std::int64_t{1} << 38});
  graph.output("y", graph.emit("Softmax", {x}));
  EXPECT_THAT(message_of<RuntimeError>([&] { compiled(); }),
              HasSubstr("1099.5 GB of memory are needed at once, but of this machine's "));
  CompileOptions options;
  options.look_only = true;
  options.slots = 2;
  const Plan plan = compiled(options);
  EXPECT_EQ(plan.arena_bytes(), std::size_t{1} << 40);
  EXPECT_EQ(plan.input("x", 1).shape, Shape({std::int64_t{1} << 38}));
}

TEST_F(PlanTest, LookingAtAPlanTakesNoMemoryForItsStates) {
  const std::int64_t wide = std::int64_t{1} << 20;
  const Value x = input("x", {2, wide});
  const Value w = graph.state("w", {DType::f32, {wide, wide}});  // 4 TB
  graph.output("y", graph.emit("MatMul", {x, w}));
  CompileOptions options;
  options.look_only = true;
  const Plan plan = compiled(options);
  EXPECT_EQ(plan.flops(), std::pow(2.0, 42));
  EXPECT_THAT(plan.steps().front().states, ::testing::ElementsAre(HasSubstr("w f32[1048576, 1048576] as f32[")));
}

TEST_F(PlanTest, CountsItsArena) {
  Value value = input("x", {1000});
  for (int i = 0; i < 10; ++i) value = graph.emit("Softmax", {value});  // no fusion, in place or between two buffers
  graph.output("y", value);
  EXPECT_LE(compiled().arena_bytes(), 2 * align_up(4000));
}

}  // namespace
}  // namespace neurons
