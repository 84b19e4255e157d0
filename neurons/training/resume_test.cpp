// A run that is cut anywhere goes on as if it had not been.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "neurons/base/atomic_file.hpp"
#include "neurons/base/testing.hpp"
#include "neurons/training/optimizers.hpp"
#include "neurons/training/run_folder.hpp"
#include "neurons/training/training_testing.hpp"

namespace neurons {
namespace {

using ::testing::AllOf;
using testing::classifier;
using testing::corners;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;
using testing::TemporaryFolder;

/// Everything that a checkpoint must keep: dropout, shuffling, accumulation, momentum, plateaus, best weights, a smaller last
/// batch.
TrainOptions demanding(int epochs) {
  TrainOptions options;
  options.optimizer = AdamW{.learning_rate = 0.02F};
  options.schedule = ReduceOnPlateau{.decay = 0.5, .patience = 1, .threshold = 0.05};
  options.warm_up_steps = 7;
  options.accumulate = 2;
  options.clip_norm = 1;
  options.epochs = epochs;
  options.batch_size = 16;
  options.validation = corners(30, 2);
  options.restore_best = true;
  options.seed = 11;
  options.threads = 1;
  return options;
}

const Dataset& data() {
  static const Dataset kData = corners(100, 1);  // 7 batches, the last of 4
  return kData;
}

History run(TrainOptions options, const std::filesystem::path& folder, bool resume = false) {
  Network network = classifier();
  options.run_folder = folder;
  options.resume = resume;
  return train(network, data(), options);
}

/// The records without their seconds, which differ.
std::string course(const History& history) {
  std::string text;
  for (EpochRecord record : history.epochs) {
    record.seconds = 0;
    text += to_json(record) + "\n";
  }
  return text;
}

TEST(Resume, StepByStepIsTheSameAsInOneGo) {
  const TemporaryFolder folder;
  const TrainOptions options = demanding(4);
  const History whole = run(options, folder / "whole");
  ASSERT_EQ(whole.stop, StopReason::completed);

  std::atomic<bool> interrupt{true};  // each call makes one step
  TrainOptions bit_by_bit = options;
  bit_by_bit.interrupt = &interrupt;
  History part = run(bit_by_bit, folder / "parts");
  int calls = 1;
  for (; part.stop == StopReason::interrupted && calls < 100; ++calls) part = run(bit_by_bit, folder / "parts", true);
  EXPECT_EQ(calls, 4 * 7);
  EXPECT_EQ(part.stop, StopReason::completed);
  EXPECT_EQ(part.weights_sha256, whole.weights_sha256);
  EXPECT_EQ(part.best_epoch, whole.best_epoch);
  EXPECT_EQ(course(part), course(whole));
}

TEST(Resume, AFinishedRunIsAsItWas) {
  const TemporaryFolder folder;
  const History whole = run(demanding(3), folder.path());
  const std::string metrics = read_file(folder / "metrics.jsonl");
  const RunFolder files(folder.path());
  const std::string checkpoint = read_file(files.checkpoint_path());
  const History again = run(demanding(3), folder.path(), true);
  EXPECT_EQ(again.weights_sha256, whole.weights_sha256);
  EXPECT_EQ(read_file(files.checkpoint_path()), checkpoint);
  EXPECT_EQ(course(again), course(whole));
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), metrics);
}

TEST(Resume, ACheckpointOfAnEpochsLastStepKnowsItsLearningRate) {
  const TemporaryFolder folder;
  TrainOptions options = demanding(3);
  options.checkpoint_steps = 4;  // updates of an epoch: 7 batches by twos
  const History whole = run(options, folder / "whole");
  options.on_epoch = [](const EpochRecord& record) {
    if (record.epoch == 2) throw std::runtime_error("power cut");
  };
  EXPECT_THROW(run(options, folder / "cut"), std::runtime_error);
  options.on_epoch = {};
  EXPECT_EQ(course(run(options, folder / "cut", true)), course(whole));
}

TEST(Resume, MoreEpochsGoOnFromTheEnd) {
  const TemporaryFolder folder;
  run(demanding(2), folder / "a");
  EXPECT_EQ(run(demanding(5), folder / "a", true).weights_sha256, run(demanding(5), folder / "b").weights_sha256);
}

TEST(Resume, FewerEpochsThanMadeAreRefused) {
  const TemporaryFolder folder;
  EXPECT_EQ(run(demanding(3), folder / "a").epochs_before, 0);
  const auto refusal = [&](int epochs, const char* name) {
    return message_of<InputError>([&] { run(demanding(epochs), folder / name, true); });
  };
  const std::string checkpoint = read_file(folder / "a/checkpoint/state.safetensors");
  EXPECT_EQ(refusal(2, "a"), (folder / "a").string() +
                                 ": this run has made 3 epochs already, more than epochs = 2; resume it with 3 "
                                 "or more, or train anew");
  EXPECT_EQ(read_file(folder / "a/checkpoint/state.safetensors"), checkpoint);
  EXPECT_EQ(run(demanding(3), folder / "a", true).epochs_before, 3) << "nothing was left to do";
  EXPECT_EQ(run(demanding(4), folder / "a", true).epochs_before, 3);

  std::atomic<bool> interrupt{false};
  TrainOptions cut = demanding(3);
  cut.interrupt = &interrupt;
  cut.on_epoch = [&](const EpochRecord& record) { interrupt = record.epoch == 2; };
  ASSERT_EQ(run(cut, folder / "b").stop, StopReason::interrupted);
  EXPECT_THAT(refusal(2, "b"),
              HasSubstr("has made 2 epochs already and begun another, more than epochs = 2; resume it with 3 or more"));
  EXPECT_EQ(run(demanding(3), folder / "b", true).epochs_before, 2);
}

TEST(Resume, MetricsAfterTheCheckpointAreCutOff) {
  const TemporaryFolder folder;
  const History whole = run(demanding(2), folder.path());
  std::ofstream(folder / "metrics.jsonl", std::ios::app) << "{\"epoch\": 3}\n{\"epo";
  run(demanding(2), folder.path(), true);
  std::string expected;
  for (const auto& record : whole.epochs) expected += to_json(record) + "\n";
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), expected);
}

TEST(Resume, AfterTwentyKillsTheWeightsAreTheSame) {
  TrainOptions options = demanding(30);
  options.checkpoint_steps = 3;
  options.threads = 2;
  const TemporaryFolder folder;
  const auto before = std::chrono::steady_clock::now();
  const History whole = run(options, folder / "whole");
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - before;

  RandomStream random(static_cast<std::uint64_t>(::getpid()));
  int kills = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        run(options, folder / "killed", std::filesystem::exists(folder / "killed/checkpoint/state.safetensors"));
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(duration * random.uniform(0, 0.06));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0) << "no resumed run may fail";
    } else {
      ++kills;
    }
  }
  EXPECT_GE(kills, 1);
  const History rest = run(options, folder / "killed", std::filesystem::exists(folder / "killed/checkpoint/state.safetensors"));
  EXPECT_EQ(rest.weights_sha256, whole.weights_sha256) << "after " << kills << " kills";
  EXPECT_EQ(course(rest), course(whole));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "killed")) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr(".tmp-"))) << "what a killed run left is cleared away";
  }
}

TEST(Resume, ADamagedCheckpointIsRefused) {
  const TemporaryFolder folder;
  run(demanding(1), folder.path());
  const auto path = RunFolder(folder.path()).checkpoint_path();
  const std::string good = read_file(path);
  const std::string metrics = read_file(folder / "metrics.jsonl");
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, good.size() / 3, good.size() - 1}) {
    std::ofstream(path, std::ios::binary) << good.substr(0, size);
    EXPECT_THAT(message_of([&] { run(demanding(2), folder.path(), true); }), HasSubstr(path.string() + ": "));
    EXPECT_EQ(read_file(path), good.substr(0, size)) << "it is left as it is";
    EXPECT_EQ(read_file(folder / "metrics.jsonl"), metrics);
  }
  std::filesystem::remove(path);
  EXPECT_THAT(message_of([&] { run(demanding(2), folder.path(), true); }), HasSubstr("there is no checkpoint to resume from"));
}

TEST(Resume, AnotherRunIsRefused) {
  const TemporaryFolder folder;
  run(demanding(1), folder.path());
  const std::string metrics = read_file(folder / "metrics.jsonl");
  const auto complaint = [&](auto change, Network network = classifier(), const Dataset& used = data()) {
    TrainOptions options = demanding(2);
    options.run_folder = folder.path();
    options.resume = true;
    change(options);
    return message_of([&] { train(network, used, options); });
  };
  const auto nothing = [](TrainOptions&) {};
  EXPECT_THAT(complaint([](TrainOptions& options) { options.batch_size = 8; }),
              HasSubstr("batch_size was 16, now it is 8; resume with what it was"));
  EXPECT_THAT(complaint([](TrainOptions& options) { options.seed = 12; }), HasSubstr("seed was 11, now it is 12"));
  EXPECT_THAT(complaint([](TrainOptions& options) { options.optimizer = Sgd{}; }),
              AllOf(HasSubstr("optimizer was adamw("), HasSubstr("now it is sgd(")));
  EXPECT_THAT(complaint([](TrainOptions& options) { options.schedule = Cosine{}; }),
              HasSubstr("epochs (on which the schedule depends) was absent, now it is 2"));
  EXPECT_THAT(complaint([](TrainOptions& options) { options.validation->targets.values<std::int64_t>()[3] ^= 1; }),
              HasSubstr("validation targets was i64[30] with content"));
  EXPECT_THAT(complaint(nothing, classifier(), corners(100, 5)), HasSubstr("training inputs was f32[100, 2] with content"));
  EXPECT_THAT(complaint(nothing, Sequential{{2}, Dense{17}, Tanh{}, Dropout{0.2F}, Dense{4}}),
              HasSubstr("layer dense1 was dense(units=16"));
  EXPECT_THAT(complaint(nothing, Sequential{{2}, Dense{16}, Tanh{}, Dense{4}}), HasSubstr("call "));
  Network frozen = classifier();
  frozen.freeze("dense1.bias");
  EXPECT_THAT(complaint(nothing, frozen), HasSubstr("parameter dense1.bias was f32[16], now it is f32[16], frozen"));
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), metrics) << "a refusal changes nothing";
}

TEST(Resume, AnInterruptSavesAndReturns) {
  const TemporaryFolder folder;
  std::atomic<bool> interrupt{false};
  TrainOptions options = demanding(1000);
  options.interrupt = &interrupt;
  options.on_epoch = [&](const EpochRecord& record) { interrupt = record.epoch == 3; };
  const History cut = run(options, folder.path());
  EXPECT_EQ(cut.stop, StopReason::interrupted);
  EXPECT_EQ(cut.epochs.size(), 3U);
  const Checkpoint saved = RunFolder(folder.path()).read_checkpoint();
  EXPECT_EQ(saved.training.epochs.size(), 3U);
  EXPECT_EQ(saved.training.step_of_epoch, 1) << "the step under way is ended";
}

TEST(RunFolderFiles, HoldMetricsAndWeights) {
  const TemporaryFolder folder;
  TrainOptions options = demanding(2);
  options.metadata = {{"spec", "some text"}};
  options.run_folder = folder / "deep" / "down";
  Network network = classifier();
  const History history = train(network, data(), options);
  const TensorFile model = read_safetensors(folder / "deep/down/model.safetensors");
  EXPECT_EQ(model.metadata.at("spec"), "some text");
  ASSERT_EQ(model.tensors.size(), 4U);
  EXPECT_EQ(model.tensors.at("dense1.weight"), network.parameter("dense1.weight"));
  EXPECT_EQ(model.tensors.at("dense1.weight").shape(), (Shape{16, 2}));
  EXPECT_EQ(weights_sha256(network), history.weights_sha256);
  EXPECT_THAT(read_file(folder / "deep/down/metrics.jsonl"),
              AllOf(HasSubstr("{\"epoch\": 1, \"step\": 4, \"loss\": "), Not(HasSubstr("rmse"))));
}

TEST(RunFolderFiles, LeaveOutWhatWasNotComputed) {
  EpochRecord record;
  record.epoch = 1;
  record.loss = HUGE_VAL;
  record.learning_rate = 1e-5;
  record.validation_loss = -HUGE_VAL;
  record.accuracy = 0.5;
  EXPECT_EQ(to_json(record), R"({"epoch": 1, "step": 0, "loss": "Infinity", "accuracy": 0.5, "validation_loss": "-Infinity", )"
                             R"("learning_rate": 1e-05, "seconds": 0})");
}

/// Runs `body` in a process of its own; true if it returned true.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(RunFolderFiles, AFullDiskStopsTheRunAndKeepsTheLastCheckpoint) {
  const TemporaryFolder folder;
  run(demanding(1), folder.path());
  const auto path = RunFolder(folder.path()).checkpoint_path();
  const std::string good = read_file(path);
  EXPECT_TRUE(in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};  // stands for a full disk: no file can grow beyond
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string said = message_of<RuntimeError>([&] { run(demanding(3), folder.path(), true); });
    return said == path.string() + ": cannot be written: File too large";
  }));
  EXPECT_EQ(read_file(path), good);
  EXPECT_TRUE(run(demanding(3), folder.path(), true).stop == StopReason::completed);
}

TEST(RunFolderFiles, AFolderThatCannotBeWrittenIsNamed) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "in the way";
  EXPECT_THAT(message_of<RuntimeError>([&] { run(demanding(1), folder / "file"); }),
              HasSubstr("/file: the run folder cannot be made: "));
  std::filesystem::create_directory(folder / "locked");
  EXPECT_TRUE(in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return false;  // permissions do not bind root
    ::chmod(folder.path().c_str(), 0755);
    const std::string said = message_of<RuntimeError>([&] { run(demanding(1), "/run-of-nobody/x"); });
    return said == "/run-of-nobody/x: the run folder cannot be made: Permission denied";
  }));
}

}  // namespace
}  // namespace neurons
