#include "neurons/plan/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "neurons/ops/ops.hpp"

namespace neurons {
namespace {

using ::testing::ElementsAre;

class ScheduleTest : public ::testing::Test {
 protected:
  Value state(const std::string& name) { return graph.state(name, {DType::f32, {2}}); }
  Value relu(Value value) { return graph.emit("Relu", {value}); }

  Graph graph{ops::table()};
  Value x = graph.input("x", {DType::f32, {2}});
};

TEST_F(ScheduleTest, KeepsTheOrderOfTheGraphWhereItCan) {
  graph.output("y", relu(relu(relu(x))));
  EXPECT_THAT(make_schedule(graph).order, ElementsAre(0, 1, 2));
}

TEST_F(ScheduleTest, UpdatesInPlaceAfterAllReadersOfTheOldState) {
  const Value w = state("w");
  graph.assign(w, w + x);      // node 0
  graph.output("y", relu(w));  // node 1 reads the old state, so it must run first
  const StepSchedule schedule = make_schedule(graph);
  EXPECT_THAT(schedule.order, ElementsAre(1, 0));
  EXPECT_THAT(schedule.in_place, ElementsAre(true));
}

TEST_F(ScheduleTest, UpdatesAsSoonAsItCan) {
  const Value w = state("w");
  const Value rate = graph.state("rate", {DType::f32, {}});
  const Value dz = relu(x * w);                  // nodes 0, 1
  const Value dx = relu(dz * w);                 // nodes 2, 3
  graph.output("dx", relu(dx));                  // node 4
  const Value step = graph.emit("Neg", {rate});  // node 5: a number, which comes first
  graph.assign(w, w + dz * step);                // nodes 6, 7: w is last read by node 2
  const StepSchedule schedule = make_schedule(graph);
  EXPECT_THAT(schedule.order, ElementsAre(5, 0, 1, 2, 3, 4, 6, 7));
  const Graph fused = [&] {  // as one node, the update is ready behind node 2
    Graph shorter{ops::table()};
    const Value v = shorter.state("w", {DType::f32, {2}});
    const Value z = shorter.emit("Relu", {shorter.input("x", {DType::f32, {2}})});
    shorter.output("y", shorter.emit("Relu", {shorter.emit("Mul", {z, v})}));
    shorter.assign(v, shorter.emit("Add", {v, z}));
    return shorter;
  }();
  EXPECT_THAT(make_schedule(fused).order, ElementsAre(0, 1, 3, 2));
}

TEST_F(ScheduleTest, CopiesWhereReadersNeedTheNewValueFirst) {
  const Value w = state("w");
  const Value next = w + x;
  graph.assign(w, next);
  graph.output("y", next * w);  // reads the old state after the new one is made
  const StepSchedule schedule = make_schedule(graph);
  EXPECT_THAT(schedule.order, ElementsAre(0, 1));
  EXPECT_THAT(schedule.in_place, ElementsAre(false));
}

TEST_F(ScheduleTest, TakesAsManyInPlaceAsACycleAllows) {
  const Value a = state("a");
  const Value b = state("b");
  graph.assign(a, relu(b));
  graph.assign(b, relu(a));
  const StepSchedule schedule = make_schedule(graph);
  EXPECT_THAT(schedule.in_place, ElementsAre(true, false));
  EXPECT_THAT(schedule.order, ElementsAre(1, 0)) << "the reader of a runs before a is overwritten";
}

TEST_F(ScheduleTest, CopiesWhatIsSeenElsewhere) {
  const Value a = state("a");
  const Value b = state("b");
  const Value c = state("c");
  const Value shared = relu(x);
  const Value shown = relu(shared);
  graph.output("y", shown);
  graph.assign(a, shared);
  graph.assign(b, shared);
  graph.assign(c, shown);
  EXPECT_THAT(make_schedule(graph).in_place, ElementsAre(false, false, false));
}

TEST_F(ScheduleTest, CopiesWhatNoNodeComputes) {
  graph.assign(state("a"), x);
  graph.assign(state("b"), graph.constant(Tensor(DType::f32, {2})));
  EXPECT_THAT(make_schedule(graph).in_place, ElementsAre(false, false));
}

TEST_F(ScheduleTest, UpdatesOnlyWhenTheGuardIsKnown) {
  const Value count = state("count");
  graph.assign(count, count + x);  // node 0
  const Value loss = relu(x);      // node 1
  graph.output("loss", loss);
  EXPECT_THAT(make_schedule(graph).order, ElementsAre(0, 1));
  const StepSchedule guarded = make_schedule(graph, loss.id());
  EXPECT_THAT(guarded.order, ElementsAre(1, 0));
  EXPECT_THAT(guarded.in_place, ElementsAre(true));
}

TEST_F(ScheduleTest, CopiesWhatTheGuardDependsOn) {
  const Value count = state("count");
  const Value next = count + x;
  graph.assign(count, next);
  const Value loss = relu(next);
  graph.output("loss", loss);
  EXPECT_THAT(make_schedule(graph).in_place, ElementsAre(true));
  EXPECT_THAT(make_schedule(graph, loss.id()).in_place, ElementsAre(false));
}

}  // namespace
}  // namespace neurons
