#include "neurons/ops/common/choose.hpp"

namespace neurons::ops {

Value choose(Value condition, Value yes, Value no) { return condition.graph().emit("Where", {condition, yes, no}); }
Value choose(Value condition, double yes, double no) {
  return choose(condition, condition.graph().scalar(yes), condition.graph().scalar(no));
}
Value choose(Value condition, Value yes, double no) { return choose(condition, yes, condition.graph().scalar(no)); }

Value above(Value x, double bound) { return x.graph().emit("Greater", {x, x.graph().scalar(bound)}); }
Value below(Value x, double bound) { return x.graph().emit("Less", {x, x.graph().scalar(bound)}); }

Value exp_of_negative_part(Value x) {
  Graph& graph = x.graph();
  return graph.emit("Exp", {graph.emit("Min", {x, graph.scalar(0)})});
}

}  // namespace neurons::ops
