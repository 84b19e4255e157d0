#include "neurons/plan/state_store.hpp"

#include <cstring>

#include "neurons/base/error.hpp"
#include "neurons/base/suggest.hpp"

namespace neurons {

TensorType type_after(const OpDef& op, const Options& options, const TensorType& input) {
  return op.infer(InferContext{op, options, std::span(&input, 1), {true}}).front();
}

Tensor apply(const OpDef& op, const Options& options, const Tensor& input) {
  Tensor result(type_after(op, options, input.type()));
  const Buffer from{const_cast<std::byte*>(input.bytes().data()), input.type()};  // kernels only read their inputs
  const Buffer to{result.bytes().data(), result.type()};
  const Call call = op.kernels.front().prepare({op, options, std::span(&from, 1), std::span(&to, 1)});
  AlignedBuffer scratch(call.scratch_bytes);
  call.function(call.arguments.get(), scratch.data(), Worker{});
  return result;
}

const StateStore::Entry& StateStore::find(std::string_view name) const {
  if (const auto found = entries_.find(std::string(name)); found != entries_.end()) return found->second;
  fail_input("there is no state \"{}\"{}", name, did_you_mean(name, names()));
}

std::vector<std::string> StateStore::names() const {
  std::vector<std::string> result;
  for (const auto& [name, entry] : entries_) result.push_back(name);
  return result;
}

Tensor StateStore::get(std::string_view name) const {
  const Entry& entry = find(name);
  if (!entry.stored) return Tensor(entry.type);
  return entry.layout ? apply(table_->find(entry.layout->unpack), entry.layout->options, *entry.stored) : *entry.stored;
}

void StateStore::add(std::string_view name, const TensorType& type) {
  entries_.emplace(std::string(name), Entry{type, type, std::nullopt, std::nullopt, false});
}

void StateStore::set(std::string_view name, const Tensor& plain) {
  const auto known = entries_.find(std::string(name));
  if (known == entries_.end()) {
    entries_.emplace(std::string(name), Entry{plain.type(), plain.type(), std::nullopt, plain, false});
    return;
  }
  Entry& entry = known->second;
  if (entry.type != plain.type()) {
    fail_input("state \"{}\" is {}, the new value is {}", name, entry.type.to_string(), plain.type().to_string());
  }
  const auto store = [&](const Tensor& stored) {
    if (!entry.stored) return static_cast<void>(entry.stored = stored);
    std::memcpy(entry.stored->bytes().data(), stored.bytes().data(), stored.bytes().size());  // in place: plans hold the address
  };
  entry.layout ? store(apply(table_->find(entry.layout->pack), entry.layout->options, plain)) : store(plain);
}

void StateStore::lay_out(std::string_view name, const Layout& layout) {
  if (is_bound(name)) fail_input("state \"{}\" is in use by a plan: its layout is fixed", name);
  Entry& entry = entries_.at(std::string(name));
  const OpDef& pack = table_->find(layout.pack);
  if (entry.stored) entry.stored = apply(pack, layout.options, get(name));
  entry.stored_type = type_after(pack, layout.options, entry.type);
  entry.layout = layout;
}

Buffer StateStore::bind(std::string_view name) {
  find(name);
  Entry& entry = entries_.at(std::string(name));
  if (!entry.stored) set(name, Tensor(entry.type));
  entry.bound = true;
  return {entry.stored->bytes().data(), entry.stored_type};
}

}  // namespace neurons
