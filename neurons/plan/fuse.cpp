#include "neurons/plan/fuse.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "neurons/base/at.hpp"
#include "neurons/graph/chain.hpp"
#include "neurons/graph/rewrite.hpp"

namespace neurons {
namespace {

/// Nodes that will run as one. The first is the host, or simply the first elementwise op.
struct Group {
  std::vector<int> nodes;
  int anchor = 0;  ///< place in the order of execution, as a node index
  bool host = false;
};

class Fusion {
 public:
  explicit Fusion(const Graph& graph) : graph_(graph), group_of_(graph.nodes().size(), -1), readers_(graph.values().size()) {
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
      for (const int id : graph.nodes()[n].inputs) {
        if (id >= 0) readers_[at(id)].push_back(static_cast<int>(n));
      }
    }
  }

  Graph run() {
    for (int n = 0; n < static_cast<int>(graph_.nodes().size()); ++n) place(n);
    return build();
  }

 private:
  const Node& node(int n) const { return graph_.node(n); }

  bool is_elementwise(int n) const {
    const Node& candidate = node(n);
    if (!candidate.op->elementwise) return false;
    const NodeContext context(graph_, candidate);
    if (candidate.op->elementwise->function(context.context) == nullptr) return false;
    const Shape& shape = graph_.info(candidate.outputs.front()).type.shape;
    return shape.rank() <= 6 && std::ranges::all_of(candidate.outputs, [&](int id) { return graph_.info(id).type.shape == shape; });
  }
  bool all_float(const Node& candidate) const {
    return std::ranges::all_of(candidate.outputs, [&](int id) { return graph_.info(id).type.dtype == DType::f32; });
  }

  void place(int n) {
    const bool elementwise = is_elementwise(n);
    if (elementwise) {
      int best = -1;
      int best_anchor = -1;
      for (const int id : node(n).inputs) {
        const int producer = id < 0 ? -1 : graph_.info(id).node;
        if (producer < 0) continue;
        const int group = group_of_[at(producer)];
        if (best >= 0 && groups_[at(group)].anchor <= groups_[at(best)].anchor) continue;  // the later one comes first
        if (const auto anchor = anchor_with(group, n, id)) {
          best = group;
          best_anchor = *anchor;
        }
      }
      if (best >= 0) {
        groups_[at(best)].nodes.push_back(n);
        groups_[at(best)].anchor = best_anchor;
        group_of_[at(n)] = best;
        return;
      }
    }
    group_of_[at(n)] = static_cast<int>(groups_.size());
    groups_.push_back({{n}, n, !elementwise});
  }

  /// Where the group would run if node n, which reads its value `id`, joined it; nothing if it cannot.
  std::optional<int> anchor_with(int group_index, int n, int id) const {
    const Group& group = groups_[at(group_index)];
    const Node& head = node(group.nodes.front());
    const Node& joining = node(n);
    const Shape& shape = graph_.info(joining.outputs.front()).type.shape;
    if (graph_.info(id).type.shape != shape) return std::nullopt;
    if (group.host && (!head.op->with_epilogue || !all_float(joining) || head.outputs.size() != 1)) return std::nullopt;
    if (group.host && !fits(group, n)) return std::nullopt;
    int latest = -1;  // the last of the groups whose results node n needs
    for (const int input : joining.inputs) {
      const int producer = input < 0 ? -1 : graph_.info(input).node;
      if (producer < 0 || group_of_[at(producer)] == group_index) continue;
      latest = std::max(latest, groups_[at(group_of_[at(producer)])].anchor);
    }
    if (latest < group.anchor) return group.anchor;
    for (const int member : group.nodes) {  // the group would have to wait for n's place: has nobody read its results before?
      for (const int output : node(member).outputs) {
        for (const int reader : readers_[at(output)]) {
          if (reader < n && group_of_[at(reader)] != group_index) return std::nullopt;
        }
      }
    }
    return n;
  }

  /// Whether the host's matrix is one to all operands of the chain.
  bool fits(const Group& group, int n) const {
    const Node& head = node(group.nodes.front());
    const Shape& shape = graph_.info(head.outputs.front()).type.shape;
    if (shape.rank() < 1) return false;
    std::vector<Shape> operands;
    std::vector<int> members = group.nodes;
    members.push_back(n);
    for (std::size_t m = 1; m < members.size(); ++m) {
      for (const int id : node(members[m]).inputs) {
        if (id >= 0) operands.push_back(graph_.info(id).type.shape);
      }
    }
    return IterationSpace(shape, operands).split(shape.product(0, shape.rank() - 1), shape[-1]);
  }

  /// The group as a chain. `outside` receives the value ids of its inputs, `leaving` those of its outputs.
  Chain chain_of(int group_index, std::vector<int>& outside, std::vector<int>& leaving) const {
    using Operand = Chain::Operand;
    using From = Chain::Operand::From;
    const Group& group = groups_[at(group_index)];
    std::map<int, Operand> made;
    Chain chain;
    std::size_t first = 0;
    if (group.host) {
      made.emplace(node(group.nodes.front()).outputs.front(), Operand{From::tile, 0, 0});
      first = 1;
    }
    for (std::size_t m = first; m < group.nodes.size(); ++m) {
      const Node& member = node(group.nodes[m]);
      Chain::Step step{member.op, member.options, {}, {}};
      for (const int id : member.inputs) {
        if (const auto found = made.find(id); found != made.end()) {
          step.operands.push_back(found->second);
          continue;
        }
        const auto known = std::ranges::find(outside, id);
        step.operands.push_back({From::input, static_cast<int>(known - outside.begin()), 0});
        if (known == outside.end()) outside.push_back(id);
      }
      for (std::size_t o = 0; o < member.outputs.size(); ++o) {
        made.emplace(member.outputs[o], Operand{From::step, static_cast<int>(chain.steps.size()), static_cast<int>(o)});
        step.types.push_back(graph_.info(member.outputs[o]).type);
      }
      chain.steps.push_back(std::move(step));
    }
    for (const int member : group.nodes) {
      for (const int id : node(member).outputs) {
        if (!leaves(id, group_index)) continue;
        leaving.push_back(id);
        chain.outputs.push_back(made.at(id));
      }
    }
    return chain;
  }

  bool leaves(int id, int group_index) const {
    const auto names = [&](const auto& list) {
      return std::ranges::any_of(list, [&](const auto& entry) { return entry.value == id; });
    };
    return names(graph_.outputs()) || names(graph_.assignments()) ||
           std::ranges::any_of(readers_[at(id)], [&](int reader) { return group_of_[at(reader)] != group_index; });
  }

  Graph build() {
    std::vector<int> order(groups_.size());
    for (std::size_t g = 0; g < order.size(); ++g) order[g] = static_cast<int>(g);
    std::ranges::stable_sort(order, {}, [&](int g) { return groups_[at(g)].anchor; });
    Rebuild rebuild(graph_);
    rebuild.copy_signature();
    for (const int g : order) {
      const Group& group = groups_[at(g)];
      const Node& head = node(group.nodes.front());
      if (group.nodes.size() == 1) {
        rebuild.copy(head);
        continue;
      }
      std::vector<int> outside;
      std::vector<int> leaving;
      const Chain chain = chain_of(g, outside, leaving);
      const OpDef& op = group.host ? *head.op : graph_.table()->find("Chain");
      std::vector<Value> inputs;
      if (group.host) {
        inputs = rebuild.inputs(head);
        inputs.resize(op.maximum_inputs);
      }
      for (const int id : outside) inputs.push_back(rebuild(id));
      const auto options = op.with_epilogue(group.host ? head.options : op.default_options, chain);
      if (!options) fail_input("{}: refuses the epilogue {}", describe(head), chain.to_string());
      const auto outputs = rebuild.graph().emit_all(op, inputs, *options, head.name);
      for (std::size_t i = 0; i < leaving.size(); ++i) rebuild.map(leaving[i], outputs[i]);
    }
    return rebuild.finish();
  }

  const Graph& graph_;
  std::vector<Group> groups_;
  std::vector<int> group_of_;              ///< by node
  std::vector<std::vector<int>> readers_;  ///< nodes that read each value
};

}  // namespace

Graph fuse(const Graph& graph) { return Fusion(graph).run(); }

}  // namespace neurons
