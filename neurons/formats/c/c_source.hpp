#pragma once
/// Networks as plain C: one C99 file and its header that need nothing but math.h, allocate nothing, and compute what the network
/// computes, one sample a call.
///
///     const CSource source = to_c(network, {.name = "digits"});
///     write_file_atomically("digits.c", source.source);
///     write_file_atomically("digits.h", source.header);

#include <map>
#include <string>
#include <vector>

#include "neurons/layers/network.hpp"

namespace neurons {

/// What the header says, beside what the graph knows.
struct CSourceOptions {
  std::string name = "network";                ///< of functions and, in capitals, of macros; made an identifier
  std::string origin = {};                     ///< what it was made from
  std::string input = {};                      ///< what the numbers of the input are
  std::string output = {};                     ///< what those of the first output are
  std::vector<std::string> class_names = {};   ///< of the outputs, in their order
  std::vector<std::string> input_names = {};   ///< of the numbers of the input, one each; may be empty
  std::vector<std::string> output_names = {};  ///< the same of the first output
};

struct CSource {
  std::string name;     ///< the identifier that the name became: the files are called NAME.c and NAME.h
  std::string source;   ///< of NAME.c
  std::string header;   ///< of NAME.h
  std::size_t scratch;  ///< floats that NAME_predict works with
};

/// A graph of one f32 (or, for embeddings, i64) input with one sample in its batch, and an array for each output. `values` gives
/// every state of the graph that it does not assign. `step`, if not null, is the graph of one step of a sequence (see
/// step_graph()): what it assigns is memory that the caller holds. Throws InputError naming every op that plain C cannot do, each
/// with its layer, and for weights that are not finite.
CSource to_c(const Graph& graph, const std::map<std::string, Tensor>& values, const CSourceOptions& options = {},
             const Graph* step = nullptr);
/// The same of a network, which must have its parameters.
CSource to_c(const Network& network, const CSourceOptions& options = {});

/// The ops of ONNX that plain C can do, by name.
std::vector<std::string> c_ops();

}  // namespace neurons
