#pragma once
/// ONNX Runtime beside this program: a script of Node.js that uses the npm package onnxruntime-node and answers lines with lines of
/// JSON.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/session.hpp"

namespace neurons::cli {

/// The scripts, put in by CMake: onnxruntime_peer.cjs of benchmarks/, record_activations.cjs beside this file.
extern const std::string_view kOnnxRuntimePeer;
extern const std::string_view kRecordActivations;

class NodeScript {
 public:
  /// Starts it; `modules` is the folder node_modules that holds the package. Throws InputError if it does not, or if there is no
  /// Node.js.
  NodeScript(std::string_view script, const std::filesystem::path& modules, const std::vector<std::string>& arguments);
  /// Ends it.
  ~NodeScript();
  NodeScript(const NodeScript&) = delete;
  NodeScript& operator=(const NodeScript&) = delete;

  void say(const std::string& line);
  /// What it says next. Throws RuntimeError with the script's reason if it fails ({"error": …}), or if it ends instead.
  Json answer();
  /// Its threads wait actively: it is stopped where something else is measured.
  void pause();
  void go_on();

 private:
  pid_t process_ = -1;
  int socket_ = -1;  // its stdin and stdout
  std::string read_;
};

}  // namespace neurons::cli
