#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "neurons/ops/common/emit.hpp"
#include "neurons/ops/common/move.hpp"
#include "neurons/ops/common/view.hpp"

namespace neurons::ops {
namespace {

struct EinsumOptions {
  std::string equation;
  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("equation", self.equation);
  }
};

/// The name of an axis: a letter, or '0' … for the axes that an ellipsis stands for, numbered from the last.
using Axes = std::string;

struct Equation {
  std::vector<Axes> operands;
  Axes result;
  std::map<char, std::int64_t> extents;

  /// Reads the equation for operands of these shapes. Throws InputError.
  Equation(std::string text, const std::vector<Shape>& shapes) {
    std::erase(text, ' ');
    const std::size_t arrow = text.find("->");
    const std::string left = text.substr(0, arrow);
    int hidden = 0;  // most axes that an ellipsis stands for
    for (std::size_t begin = 0; begin <= left.size();) {
      const std::size_t end = std::min(left.find(',', begin), left.size());
      if (operands.size() == shapes.size()) fail_input("the equation has more terms than the {} inputs", shapes.size());
      const Shape& shape = shapes[operands.size()];
      operands.push_back(spell(left.substr(begin, end - begin), shape.rank(), hidden));
      set_extents(operands.back(), shape);
      begin = end + 1;
    }
    if (operands.size() != shapes.size()) fail_input("the equation has {} terms for {} inputs", operands.size(), shapes.size());
    result = arrow == std::string::npos ? implied() : spell(text.substr(arrow + 2), -1, hidden);
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (!extents.contains(result[i])) fail_input("the result's axis \"{}\" is in no term", result[i]);
      if (result.find(result[i]) != i) fail_input("the result names the axis \"{}\" twice", result[i]);
    }
  }

  Shape shape_of(const Axes& axes) const {
    std::vector<std::int64_t> list;
    for (const char axis : axes) list.push_back(extents.at(axis));
    return Shape(std::span<const std::int64_t>(list));
  }

 private:
  /// A term's axes, one for each of `rank` (-1: as many as there are), an ellipsis spelt out.
  static Axes spell(const std::string& term, int rank, int& hidden) {
    const std::size_t dots = term.find("...");
    Axes axes = term;
    if (dots != std::string::npos) {
      const int stands_for = rank < 0 ? hidden : rank - static_cast<int>(term.size()) + 3;
      if (stands_for < 0) fail_input("the term \"{}\" does not fit {} axes", term, rank);
      if (stands_for > 9) fail_input("an ellipsis stands for {} axes, at most 9 are possible", stands_for);
      hidden = std::max(hidden, stands_for);
      Axes spelt;
      for (int i = stands_for; i > 0; --i) spelt += static_cast<char>('0' + i - 1);
      axes = term.substr(0, dots) + spelt + term.substr(dots + 3);
    }
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const char axis = axes[i];
      const bool of_ellipsis = dots != std::string::npos && i >= dots && axis >= '0' && axis <= '9';
      if (!((axis >= 'a' && axis <= 'z') || (axis >= 'A' && axis <= 'Z') || of_ellipsis)) {
        fail_input("the term \"{}\" names axes by letters and at most one ellipsis", term);
      }
    }
    if (rank >= 0 && static_cast<int>(axes.size()) != rank) fail_input("the term \"{}\" does not fit {} axes", term, rank);
    return axes;
  }
  /// Extents of 1 broadcast, as they do in numpy, but not along an axis that one term names twice.
  void set_extents(const Axes& term, const Shape& shape) {
    const auto fail = [](char axis, std::int64_t one, std::int64_t other) {
      fail_input("the axis \"{}\" has {} and {} elements", axis, one, other);
    };
    for (int i = 0; i < shape.rank(); ++i) {
      const char axis = term[static_cast<std::size_t>(i)];
      const auto first = static_cast<int>(term.find(axis));
      if (shape[first] != shape[i]) fail(axis, shape[first], shape[i]);
      std::int64_t& extent = extents.emplace(axis, shape[i]).first->second;
      if (extent != shape[i] && extent != 1 && shape[i] != 1) fail(axis, extent, shape[i]);
      if (extent == 1) extent = shape[i];
    }
  }
  /// The ellipsis' axes, then those that are named once, in the order of the alphabet.
  Axes implied() const {
    Axes of_ellipsis;
    Axes letters;
    for (const auto& [axis, extent] : extents) {
      std::int64_t count = 0;
      for (const Axes& operand : operands) count += std::ranges::count(operand, axis);
      if (axis <= '9') {
        of_ellipsis.insert(of_ellipsis.begin(), axis);
      } else if (count == 1) {
        letters += axis;
      }
    }
    return of_ellipsis + letters;
  }
};

Equation equation_of(const Options& options, std::span<const TensorType> types) {
  std::vector<Shape> shapes;
  for (const TensorType& type : types) shapes.push_back(type.shape);
  return {options.as<EinsumOptions>().equation, shapes};
}

std::vector<TensorType> infer(const InferContext& context) {
  try {
    const Equation equation = equation_of(context.options, context.inputs);
    for (const TensorType& type : context.inputs) {
      if (type.dtype != context.dtype()) fail_input("the inputs must have one element type");
      if (type.dtype != DType::f32 && type.dtype != DType::f64) fail_input("expects floats");
    }
    return {{context.dtype(), equation.shape_of(equation.result)}};
  } catch (const InputError& error) {
    context.fail("\"{}\": {}", context.as<EinsumOptions>().equation, error.what());
  }
}

/// A value whose axes have names.
struct Term {
  Value value;
  Axes axes;

  bool has(char axis) const { return axes.find(axis) != Axes::npos; }
};

Term summed(const Term& term, const std::set<char>& kept) {
  std::vector<std::int64_t> axes;
  Axes rest;
  for (std::size_t i = 0; i < term.axes.size(); ++i) {
    if (kept.contains(term.axes[i])) {
      rest += term.axes[i];
    } else {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  return {sum_over(term.value, axes, false), rest};
}

/// The elements whose index along both places of a repeated axis is the same: products with a matrix of ones, summed.
Term diagonal(Term term) {
  for (std::size_t second = 1; second < term.axes.size();) {
    const std::size_t first = term.axes.find(term.axes[second]);
    if (first == second) {
      ++second;
      continue;
    }
    const Shape& shape = term.value.shape();
    const std::int64_t extent = shape[static_cast<int>(first)];
    std::vector<std::int64_t> extents(static_cast<std::size_t>(shape.rank()), 1);
    extents[first] = extents[second] = extent;
    Tensor same(DType::f32, Shape(std::span<const std::int64_t>(extents)));
    for (std::int64_t i = 0; i < extent; ++i) same.values<float>()[static_cast<std::size_t>(i * (extent + 1))] = 1;
    const Value ones = term.value.graph().constant(same.cast(term.value.type().dtype));
    term.value = sum_over(term.value.graph().emit("Mul", {term.value, ones}), {static_cast<std::int64_t>(second)}, false);
    term.axes.erase(second, 1);
  }
  return term;
}

/// The axes of `wanted` that the term has, in that order, then its others: as one product of extents for each group.
Value arranged(const Term& term, const Axes& order) {
  std::vector<std::int64_t> permutation;
  for (const char axis : order) permutation.push_back(static_cast<std::int64_t>(term.axes.find(axis)));
  return transposed(term.value, permutation);
}

/// The product of two terms, summed over the axes that nobody needs later: one MatMul.
Term product(Term a, Term b, const std::set<char>& needed) {
  const auto in = [&](const Term& own, const Term& other) {
    std::set<char> axes = needed;
    axes.insert(other.axes.begin(), other.axes.end());
    return summed(own, axes);
  };
  a = in(a, b);
  b = in(b, a);
  Axes batch;
  Axes inner;
  Axes rows;
  Axes columns;
  for (const char axis : a.axes) (!b.has(axis) ? rows : needed.contains(axis) ? batch : inner) += axis;
  for (const char axis : b.axes) {
    if (!a.has(axis)) columns += axis;
  }
  const auto extent = [](const Term& term, const Axes& axes) {
    std::int64_t product = 1;
    for (const char axis : axes) product *= term.value.shape()[static_cast<int>(term.axes.find(axis))];
    return product;
  };
  const std::int64_t m = extent(a, rows);
  const std::int64_t k = extent(a, inner);
  const std::int64_t n = extent(b, columns);
  const std::int64_t count = extent(a, batch);
  std::vector<std::int64_t> extents;
  for (const char axis : batch + rows) extents.push_back(extent(a, Axes(1, axis)));
  for (const char axis : columns) extents.push_back(extent(b, Axes(1, axis)));
  const Value left = reshaped(arranged(a, batch + rows + inner), {count, m, k});
  const Value right = reshaped(arranged(b, batch + inner + columns), {count, k, n});
  const Value matrices = left.graph().emit("MatMul", {left, right});
  return {reshaped(matrices, Shape(std::span<const std::int64_t>(extents))), batch + rows + columns};
}

std::vector<Value> decompose(const RewriteContext& context) {
  std::vector<Shape> shapes;
  for (const Value& input : context.inputs) shapes.push_back(input.shape());
  const Equation equation(context.options.as<EinsumOptions>().equation, shapes);
  std::vector<Term> terms;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    Term term = diagonal({context.inputs[i], equation.operands[i]});
    for (std::size_t a = 0; a < term.axes.size();) {  // an axis that broadcasts is left out, and put back at the end
      if (term.value.shape()[static_cast<int>(a)] == equation.extents.at(term.axes[a])) {
        ++a;
        continue;
      }
      term.value = sum_over(term.value, {static_cast<std::int64_t>(a)}, false);
      term.axes.erase(a, 1);
    }
    terms.push_back(term);
  }
  Term all = terms.front();
  for (std::size_t i = 1; i <= terms.size(); ++i) {
    std::set<char> needed(equation.result.begin(), equation.result.end());
    for (std::size_t later = i + 1; later < terms.size(); ++later)
      needed.insert(terms[later].axes.begin(), terms[later].axes.end());
    all = i < terms.size() ? product(all, terms[i], needed) : summed(all, needed);
  }
  return {arranged(all, equation.result)};
}

/// Every combination of indices adds one product.
void reference(const ReferenceContext& context) {
  std::vector<TensorType> types;
  for (const ReferenceTensor* input : context.inputs) types.push_back(input->type);
  const Equation equation = equation_of(context.options, types);
  ReferenceTensor& y = context.outputs[0];
  std::ranges::fill(y.data, 0.0);
  Axes axes;
  for (const auto& [axis, extent] : equation.extents) axes += axis;
  const Shape space = equation.shape_of(axes);
  const auto place = [&](const std::vector<std::int64_t>& index, const Axes& of, const Shape& shape) {
    std::vector<std::int64_t> own;
    for (std::size_t i = 0; i < of.size(); ++i) own.push_back(shape[static_cast<int>(i)] == 1 ? 0 : index[axes.find(of[i])]);
    return place_of(own, shape);
  };
  for (std::int64_t point = 0; point < space.elements(); ++point) {
    const auto index = index_of(point, space);
    double product = 1;
    for (std::size_t i = 0; i < types.size(); ++i)
      product *= context.inputs[i]->data[place(index, equation.operands[i], types[i].shape)];
    y.data[place(index, equation.result, y.type.shape)] += product;
  }
}

std::vector<Sample> samples() {
  std::vector<Sample> result;
  const auto add = [&](const char* equation, const std::vector<Shape>& shapes) {
    Sample sample{{}, EinsumOptions{equation}, equation};
    for (const Shape& shape : shapes) sample.inputs.push_back({{DType::f32, shape}});
    result.push_back(std::move(sample));
  };
  add("ij,jk->ik", {{3, 5}, {5, 4}});
  add("ij,jk", {{3, 5}, {5, 4}});
  add("bij,bjk->bik", {{2, 3, 5}, {2, 5, 4}});
  add("ij->ji", {{3, 5}});
  add("ij->i", {{3, 5}});
  add("i,i->", {{5}, {5}});
  add("i,j->ij", {{3}, {4}});
  add("...ii->...i", {{2, 3, 3}});
  add("ii", {{4, 4}});
  add("...ij,...jk->...ik", {{2, 1, 3, 4}, {5, 4, 3}});
  add("bthd, bshd -> bhts", {{2, 3, 2, 4}, {2, 5, 2, 4}});
  add("ab,bc,cd->ad", {{2, 3}, {3, 4}, {4, 2}});
  add("ab,ab,b->a", {{2, 3}, {2, 3}, {3}});
  add("a,b,ab", {{2}, {3}, {2, 3}});
  add("ij,jk->ik", {{2, 1}, {3, 4}});
  add("bij,bjk->bik", {{1, 3, 4}, {5, 4, 2}});
  add("ii,ij,j->ij", {{1, 1}, {3, 1}, {4}});
  add("ij,ij->", {{1, 3}, {0, 1}});
  return result;
}

}  // namespace

std::vector<OpDef> einsum() {
  OpDef op = mover("Einsum", "Products of all inputs, summed over the axes that the result does not name: \"ij,jk->ik\"", 12,
                   EinsumOptions{});
  op.maximum_inputs = std::numeric_limits<std::int32_t>::max();
  op.infer = infer;
  op.reference = reference;
  replace_by(op, decompose);
  op.flops = [](const InferContext& context) {
    const Equation equation = equation_of(context.options, context.inputs);
    double points = 1;
    for (const auto& [axis, extent] : equation.extents) points *= static_cast<double>(extent);
    return 2 * points;
  };
  op.samples = samples;
  return {std::move(op)};
}

}  // namespace neurons::ops
