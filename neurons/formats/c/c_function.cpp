#include "neurons/formats/c/c_function.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "neurons/base/at.hpp"
#include "neurons/formats/c/emitters.hpp"
#include "neurons/plan/memory.hpp"

namespace neurons::c {
namespace {

constexpr const char* kInput = "input";
constexpr const char* kOutput = "output";

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

CFunction::CFunction(const Graph& graph, CFile& file)
    : graph_(graph), file_(file), known_(graph), last_(graph.values().size(), -1), rooms_of_(graph.values().size(), -1) {
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    for (const int id : graph.nodes()[n].inputs) {
      if (id >= 0) last_[at(id)] = static_cast<int>(n);
    }
  }
  const int end = static_cast<int>(graph.nodes().size());
  for (const NamedOutput& output : graph.outputs()) last_[at(output.value)] = end;
  for (const Assignment& assignment : graph.assignments()) last_[at(assignment.value)] = end;
  place_signature();
  texts_.resize(graph.nodes().size());
  for (step_ = 0; step_ < end; ++step_) write(step_);
  finish();
}

void CFunction::place_signature() {
  std::size_t inputs = 0;
  for (std::size_t id = 0; id < graph_.values().size(); ++id) {
    const ValueInfo& info = graph_.values()[id];
    const std::int64_t floats = info.type.shape.elements();
    if (info.kind == ValueKind::input) {
      if (++inputs > 1) unsupported_.push_back(fmt::format("a second input, \"{}\"", info.name));
      rooms_.push_back({kInput, kInput, floats, 0, 0});
    } else if (info.kind == ValueKind::state) {
      const std::string place = memory_ == 0 ? "memory" : fmt::format("memory + {}", memory_);
      rooms_.push_back({file_.local(info.name, names_), place, floats, first_use(static_cast<int>(id)), 0});
      memory_ += static_cast<std::size_t>(floats);
    } else {
      continue;
    }
    rooms_of_[id] = static_cast<int>(rooms_.size()) - 1;
  }
  if (graph_.outputs().empty()) unsupported_.emplace_back("no output");
  for (const NamedOutput& output : graph_.outputs()) {
    outputs_.push_back(outputs_.empty() ? kOutput : file_.local(fmt::format("{}_{}", kOutput, lower(output.name)), names_));
  }
}

int CFunction::first_use(int id) const {
  for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
    if (std::ranges::find(graph_.nodes()[n].inputs, id) != graph_.nodes()[n].inputs.end()) return static_cast<int>(n);
  }
  return -1;
}

void CFunction::write(int index) {
  node_ = &graph_.node(index);
  const auto is_known_id = [&](int id) { return known_.has(id); };
  if (std::ranges::all_of(node_->outputs, is_known_id)) return;  // part of the numbers
  const auto emitter = emitters().find(node_->op->name);
  const std::string name = onnx_name(node_->op->name);
  const std::string where = node_->name.empty() ? "" : fmt::format(" ({})", node_->name);
  if (emitter == emitters().end()) {
    unsupported_.push_back(name + where);
  } else {
    try {
      return emitter->second(*this);
    } catch (const Unsupported& problem) {
      unsupported_.push_back(fmt::format("{}{}: {}", name, where, problem.reason));
    }
  }
  for (const int id : node_->outputs) {  // what reads it can be judged all the same
    if (room_of(id) < 0) put(id, add_room("unknown", graph_.info(id).type.shape.elements()));
  }
}

std::string CFunction::layer() const { return comment_text(node_->name.empty() ? node_->op->name : node_->name); }

const Tensor& CFunction::known(std::size_t index) {
  const int id = node_->inputs[index];
  if (!known_.has(id)) throw Unsupported{fmt::format("input {} depends on the network's input", index)};
  return known_[id];
}

int CFunction::state_of(int id) const {
  for (const Assignment& assignment : graph_.assignments()) {
    if (assignment.value == id) return assignment.state;
  }
  return -1;
}

int CFunction::add_room(std::string_view name, std::int64_t floats) {
  rooms_.push_back({file_.local(name, names_), "", floats, step_, step_});
  return static_cast<int>(rooms_.size()) - 1;
}

void CFunction::put(int id, int room) {
  rooms_of_[at(id)] = room;
  rooms_[at(room)].last = std::max({rooms_[at(room)].last, last_[at(id)], step_});
}

const std::string& CFunction::place_of(int id) {
  const std::string& name = rooms_[at(room_of(id))].name;
  reads_input_ = reads_input_ || name == kInput;
  return name;
}

std::string CFunction::x(std::size_t index, std::string_view what) {
  const int id = node_->inputs[index];
  if (!known_.has(id)) return place_of(id);
  const Tensor tensor = known_[id].cast(DType::f32);
  return file_.array(fmt::format("{}_{}", layer(), what), tensor.values<float>(), tensor.shape().to_string());
}

std::string CFunction::y(std::size_t index) {
  const int id = node_->outputs[index];
  if (room_of(id) < 0) {
    const int state = state_of(id);
    if (state >= 0) {
      if (last_[at(state)] > step_) throw Unsupported{"becomes a state that is read afterwards"};
      rooms_of_[at(id)] = room_of(state);
      return rooms_[at(room_of(state))].name;
    }
    constexpr const char* kEndings[] = {"output", "state", "cell"};
    put(id, add_room(fmt::format("{}_{}", layer(), kEndings[std::min<std::size_t>(index, 2)]), output_shape(index).elements()));
  }
  return rooms_[at(room_of(id))].name;
}

bool CFunction::is_used(std::size_t output) const {
  return output < node_->outputs.size() && last_[at(node_->outputs[output])] >= 0;
}

bool CFunction::remembers(std::size_t output, std::size_t index) const {
  return has_input(index) && state_of(node_->outputs[output]) == node_->inputs[index];
}

void CFunction::view(std::size_t index) {
  const int id = node_->inputs[index];
  if (known_.has(id)) throw Unsupported{"is a constant"};
  put(node_->outputs[0], room_of(id));
}

std::string CFunction::over(std::size_t index) {
  const int id = node_->inputs[index];
  const int shared = known_.has(id) ? -1 : room_of(id);
  bool free = shared >= 0 && rooms_[at(shared)].place.empty();
  for (std::size_t value = 0; free && value < rooms_of_.size(); ++value) {
    free = rooms_of_[value] != shared || last_[value] <= step_;
  }
  for (std::size_t other = 0; free && other < node_->inputs.size(); ++other) {
    const int read = node_->inputs[other];
    free = other == index || read < 0 || known_.has(read) || room_of(read) != shared;
  }
  if (free) {
    put(node_->outputs[0], shared);
    return rooms_[at(shared)].name;
  }
  const std::string from = x(index);
  const std::string to = y();
  file_.use(neurons::c::copy());
  call(fmt::format("copy({}, {}, {});", output_shape().elements(), from, to));
  return to;
}

std::string CFunction::room(std::int64_t floats, const std::string& what) {
  return rooms_[at(add_room(fmt::format("{}_{}", layer(), what), floats))].name;
}

void CFunction::say(const std::string& comment) {
  const std::string line = fmt::format("    /* {}: {} */\n", layer(), comment_text(comment));
  texts_[at(step_)] += line;
}

void CFunction::call(const std::string& statement) {
  const auto is_written = [](const std::string& text) { return !text.empty(); };
  if (std::ranges::none_of(texts_, is_written)) texts_[at(step_)] = fmt::format("    /* {} */\n", layer());
  texts_[at(step_)] += fmt::format("    {}\n", statement);
}

/// Lets results be computed where they are to be. Returns the statements that copy the others: the input itself, numbers that do
/// not depend on it, and what is a result already.
std::string CFunction::place_outputs() {
  std::string copies;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const int result = graph_.outputs()[i].value;
    const bool known = known_.has(result);
    if (!known && rooms_[at(room_of(result))].place.empty()) {
      rooms_[at(room_of(result))].place = outputs_[i];
      continue;
    }
    file_.use(neurons::c::copy());
    const std::string from =
        known ? file_.array("result", known_[result].cast(DType::f32).values<float>(), "the result") : place_of(result);
    copies += fmt::format("    copy({}, {}, {});\n", graph_.info(result).type.shape.elements(), from, outputs_[i]);
  }
  return copies;
}

/// Places the rooms, and declares each where its first node is written.
void CFunction::finish() {
  for (const Assignment& assignment : graph_.assignments()) {
    const bool there = room_of(assignment.value) == room_of(assignment.state);
    if (!there) unsupported_.push_back(fmt::format("the state \"{}\"", graph_.info(assignment.state).name));
  }
  if (!unsupported_.empty()) return;
  const std::string ending = place_outputs();
  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> placed;
  for (std::size_t r = 0; r < rooms_.size(); ++r) {
    if (!rooms_[r].place.empty()) continue;
    lifetimes.push_back({rooms_[r].first, rooms_[r].last, static_cast<std::size_t>(rooms_[r].floats) * sizeof(float)});
    placed.push_back(r);
  }
  const ArenaLayout layout = place_buffers(lifetimes);
  scratch_ = layout.bytes / sizeof(float);
  for (std::size_t i = 0; i < placed.size(); ++i) {
    rooms_[placed[i]].place = fmt::format("scratch + {}", layout.offsets[i] / sizeof(float));
  }
  for (int step = 0; step < static_cast<int>(texts_.size()); ++step) {
    std::string& text = texts_[at(step)];
    if (text.empty()) continue;
    std::string declarations;
    for (const Room& room : rooms_) {
      if (room.name == room.place || room.first != step) continue;
      declarations += fmt::format("    float *const {} = {};\n", room.name, room.place);
    }
    const bool has_comment = text.starts_with("    /*");
    const std::size_t first = has_comment ? text.find('\n') + 1 : 0;
    text.insert(first, declarations);
    if (has_comment && !body_.empty()) body_ += "\n";
    body_ += text;
  }
  body_ += ending;
}

}  // namespace neurons::c
