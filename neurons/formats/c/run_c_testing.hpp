#pragma once
/// For tests: generated C, compiled by the system's compiler and run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/formats/c/c_source.hpp"

namespace neurons::c::testing {

inline constexpr const char* kStrict = "-std=c99 -Wall -Wextra -pedantic -Werror";

/// Runs generated C on samples: a program that reads them from a file and writes what the network says of each.
class Generated {
 public:
  Generated(const CSource& source, const std::string& flags, const std::string& call) : source_(source) {
    write_file_atomically(folder_ / (source.name + ".c"), source.source);
    write_file_atomically(folder_ / (source.name + ".h"), source.header);
    const std::string macro = "NETWORK";
    folder_.write("main.c", R"(#include <stdio.h>
#include "network.h"
int main(void)
{
    static float input[1 << 16], output[1 << 16];
)" + call + R"(
    return 0;
}
)");
    const std::string compile = "cd '" + folder_.path().string() + "' && cc " + kStrict + " " + flags +
                                " -c network.c -o network.o 2> errors && cc " + flags +
                                " -std=c99 main.c network.o -lm -o program 2>> errors";
    compiled_ = std::system(compile.c_str()) == 0;
    EXPECT_TRUE(compiled_) << read_file(folder_ / "errors") << source.source.substr(0, 20000);
  }

  std::vector<float> run(std::span<const float> inputs, std::size_t outputs) const {
    if (!compiled_) return {};
    folder_.write("in", {reinterpret_cast<const char*>(inputs.data()), inputs.size_bytes()});
    const std::string run = "cd '" + folder_.path().string() + "' && ./program < in > out 2> errors";
    EXPECT_EQ(std::system(run.c_str()), 0) << read_file(folder_ / "errors");
    const std::string bytes = read_file(folder_ / "out");
    std::vector<float> result(outputs);
    EXPECT_EQ(bytes.size(), outputs * sizeof(float));
    std::ranges::copy(std::span(bytes).first(std::min(bytes.size(), outputs * sizeof(float))),
                      reinterpret_cast<char*>(result.data()));
    return result;
  }

 private:
  neurons::testing::TemporaryFolder folder_;
  const CSource& source_;
  bool compiled_ = false;
};

inline constexpr const char* kPredict = R"(
    while (fread(input, sizeof(float), NETWORK_INPUTS, stdin) == NETWORK_INPUTS) {
        network_predict(input, output);
        fwrite(output, sizeof(float), NETWORK_OUTPUTS, stdout);
    }
)";

}  // namespace neurons::c::testing
