#include "neurons/formats/onnx/file_nodes.hpp"

#include "neurons/formats/onnx/option_data.hpp"

namespace neurons::onnx {

std::string FileNodes::fresh(const std::string& wanted, std::set<std::string>& taken) {
  std::string name = wanted;
  for (int number = 1; !taken.insert(name).second; ++number) name = fmt::format("{}_{}", wanted, number);
  return name;
}

std::string FileNodes::add(const std::string& op, std::vector<std::string> inputs, const std::string& wanted) {
  const std::string node = fresh_node(wanted);
  std::string value = fresh_value(wanted);
  add_as(op, std::move(inputs), node, value);
  return value;
}

void FileNodes::add_as(const std::string& op, std::vector<std::string> inputs, const std::string& node, const std::string& value) {
  NodeData data;
  data.op_type = op;
  data.name = node;
  data.inputs = std::move(inputs);
  data.outputs = {value};
  graph_.nodes.push_back(std::move(data));
}

std::string FileNodes::constant(const std::string& wanted, const Tensor& tensor) {
  std::string name = fresh_value(wanted);
  graph_.initializers.push_back(from_tensor(name, tensor));
  return name;
}

std::string FileNodes::number(const std::string& wanted, std::int64_t number) {
  return constant(wanted, Tensor::of<std::int64_t>({1}, std::vector{number}));
}

const std::string& FileNodes::open_extent(std::size_t axis) {
  if (open_[axis].empty()) {
    const std::string name(kOpenAxes[axis]);
    const std::string shape = add("Shape", {graph_.inputs.front().name}, name + ".shape");
    const auto place = static_cast<std::int64_t>(axis);
    open_[axis] = add("Slice", {shape, number(name + ".from", place), number(name + ".to", place + 1)}, name);
  }
  return open_[axis];
}

/// A list of one.
std::string FileNodes::extent(const std::string& where, const std::vector<std::int64_t>& values, const std::string& wanted) {
  const auto found = variants_.multiple(values);
  variants_.require(found.has_value() && !graph_.inputs.empty(), where);
  std::string part;
  for (const std::size_t axis : found->axes) {
    part = part.empty() ? open_extent(axis) : add("Mul", {part, open_extent(axis)}, wanted);
  }
  if (part.empty()) return number(wanted, found->times);
  return found->times == 1 ? part : add("Mul", {part, number(wanted, found->times)}, wanted);
}

std::string FileNodes::extents(const std::string& where, const std::vector<std::vector<std::int64_t>>& lists,
                               const std::string& wanted) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < lists.front().size(); ++i) parts.push_back(extent(where, column(lists, i), wanted));
  const std::string result = add("Concat", std::move(parts), wanted);
  attribute(attribute_of("axis", std::int64_t{0}));
  return result;
}

std::string FileNodes::places(const std::string& where, const std::vector<std::int64_t>& extents) {
  if (const auto known = places_.find(extents); known != places_.end()) return known->second;
  const auto single = [&](std::int64_t value) {
    return constant("places." + std::to_string(value), Tensor::of<std::int64_t>({}, std::vector{value}));
  };
  const std::string count = add("Squeeze", {extent(where, extents, "places.count")}, "places.count");
  return places_[extents] = add("Range", {single(0), count, single(1)}, "places");
}

}  // namespace neurons::onnx
