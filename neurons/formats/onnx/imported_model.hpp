#pragma once
/// A model of ONNX as a layer of a network.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "neurons/formats/onnx/ending.hpp"
#include "neurons/formats/onnx/exporter.hpp"
#include "neurons/formats/onnx/model.hpp"
#include "neurons/layers/layer.hpp"
#include "neurons/layers/network.hpp"

namespace neurons::onnx {

/// The layer. Its parameters are the model's float initialisers, under their own names; batch normalisations return to training
/// form while the network is trained, and their statistics are no parameters, unless they are frozen.
struct ImportedModel {
  static constexpr std::string_view kKind = "onnx";
  static constexpr bool kNamesParameters = true;

  std::string file;       ///< of the model
  std::string output;     ///< which one is this layer's result; "": the only one
  std::int64_t head = 0;  ///< neurons of a fresh last weighted sum; 0: the model's own
  bool scores =
      false;           ///< the scores that the output makes probabilities of, where that is known (see scores_of): losses want them
  double dropout = 0;  ///< share that a Dropout before the last weighted sum drops; 0: none is added
  std::int64_t lora =
      0;  ///< rank of adapters beside the weights of Gemm and MatMul, which are then frozen; 0: none (Hu et al. 2021)
  std::shared_ptr<const Model> model = nullptr;  ///< instead of `file`: one that has been read

  template <typename Self, typename Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("file", self.file);
    visit("output", self.output);
    visit("head", self.head);
    visit("scores", self.scores);
    visit("dropout", self.dropout);
    visit("lora", self.lora);
  }

  Value build(BuildContext& context, const std::vector<Value>& inputs) const { return build_all(context, inputs).result; }
  std::map<std::string, Tensor> values() const;

  /// The layer's result and, for inference, all outputs of the model, in its order: probabilities where `scores` are the result. In
  /// training only what leads to the result is built.
  struct Results {
    Value result;
    std::vector<std::pair<std::string, Value>> outputs;
    Ending ending = Ending::unknown;  ///< of the output, whether or not scores are the result
  };
  Results build_all(BuildContext& context, const std::vector<Value>& inputs) const;

  /// The model as these fields change it.
  struct Edited;
  const Edited& edited() const;

 private:
  Results import(BuildContext& context, const std::vector<Value>& inputs) const;
  mutable std::shared_ptr<const Edited> edited_;
};

/// What it takes to call the layer: the model's inputs, per sample (their first axis is the batch).
std::vector<Network::Input> inputs_of(const Model& model);

/// The model as a network: inputs, one layer "model", and one output. Throws InputError as to_graph() does, and for several outputs
/// of which none is named. Outputs that need operators which are not known are left out where another is wanted, see
/// known_part(). What is not behind that output is no part of training; saving the network keeps it.
struct LoadOptions {
  std::string output;                      ///< which; "": the only one
  bool scores = false;                     ///< see ImportedModel
  std::map<std::string, Shape> samples{};  ///< of inputs by name, in place of what the file says and of 1 where it is open
};
Network load(const std::filesystem::path& path, const LoadOptions& options = {});
Network to_network(std::shared_ptr<const Model> model, const LoadOptions& options = {});

/// Which outputs of the imported model the network does not have, and why; empty where it has all.
std::string left_out_of(const Network& network);

/// The imported model that a network is; null where it has layers of its own.
const ImportedModel* imported_in(const Network& network);

/// What the output is, if the network is an imported model.
struct OutputNumbers {
  Ending ending = Ending::unknown;
  std::int64_t count = 0;  ///< in a row of it, as the file has it
};
OutputNumbers output_numbers(const Network& network);

/// The network for inference as a graph. Of an imported model all outputs are there, each a value of its own: first the network's,
/// then the others in their order.
Graph graph_with_all_outputs(const Network& network, std::int64_t batch);

/// A fresh last weighted sum of `outputs` neurons, whose scores are the network's output. Other parameters keep their values.
/// Throws InputError if the network is no imported model.
void replace_head(Network& network, std::int64_t outputs);

/// The imported model with its result as scores, or as the file says: see ImportedModel::scores. Parameters keep their values.
Network with_scores(const Network& network, bool scores);

struct SaveOptions {
  std::int64_t opset = 0;  ///< 0: the imported model's, or 21; a later one where that lacks an operator
  /// Sequences of any length are taken, "time", instead of those of the network's own. For a network of layers with one input,
  /// [time, features] of numbers or [time] of tokens, or lengths behind it, in which no weight holds the number of steps, and
  /// constants hold it only in the ways that ChangingConstants knows.
  bool any_length = false;
  std::map<std::string, std::string> metadata = {};
};

/// The network for inference as a model: parameters as initialisers, the batch open; of an imported model all outputs are there, in
/// their order. Throws InputError as to_model() does.
Model to_model(const Network& network, const SaveOptions& options = {});
/// The same into a file, written atomically.
void save(const Network& network, const std::filesystem::path& path, const SaveOptions& options = {});

}  // namespace neurons::onnx
