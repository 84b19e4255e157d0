#include "neurons/ops/common/choose.hpp"

namespace neurons::ops {

Value number_like(Value like, double number) { return like.graph().constant(narrow({{like.type().dtype, {}}, {number}})); }

Value choose(Value condition, Value yes, Value no) { return condition.graph().emit("Where", {condition, yes, no}); }
Value choose(Value condition, double yes, double no) {
  return choose(condition, condition.graph().scalar(yes), condition.graph().scalar(no));
}
Value choose(Value condition, Value yes, double no) { return choose(condition, yes, number_like(yes, no)); }
Value choose(Value condition, double yes, Value no) { return choose(condition, number_like(no, yes), no); }

Value above(Value x, double bound) { return x.graph().emit("Greater", {x, number_like(x, bound)}); }
Value below(Value x, double bound) { return x.graph().emit("Less", {x, number_like(x, bound)}); }

Value exp_of_negative_part(Value x) {
  Graph& graph = x.graph();
  return graph.emit("Exp", {graph.emit("Min", {x, number_like(x, 0)})});
}

}  // namespace neurons::ops
