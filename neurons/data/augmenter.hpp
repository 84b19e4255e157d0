#pragma once
/// One augmented sample after the other: what the Loader calls for each row of a batch.

#include <cstdint>
#include <span>
#include <vector>

#include "neurons/base/random.hpp"
#include "neurons/data/augmentation.hpp"
#include "neurons/data/dataset.hpp"
#include "neurons/data/picture_shape.hpp"

namespace neurons {

class Augmenter {
 public:
  /// `data` must outlive it and not change. Throws InputError as check_augmentation().
  Augmenter(const Augmentation& options, const Dataset& data);

  /// Another sample that has a part in one: its index, and the first one's share λ in [0, 1].
  struct Mixture {
    std::int64_t other = 0;
    float share = 1;
  };

  /// Writes sample `index` as the network sees it in that epoch: a pure function of the three numbers and the data. Allocates
  /// nothing. One call at a time.
  Mixture write(std::uint64_t seed, std::int64_t epoch, std::int64_t index, std::span<float> out) noexcept;

 private:
  void draw(std::int64_t index, RandomStream& random, std::span<float> out) noexcept;
  void frame(std::int64_t index) noexcept;
  void move(RandomStream& random, std::span<float> out) noexcept;
  void colour(RandomStream& random, std::span<float> out) const noexcept;
  void cut_out(RandomStream& random, std::span<float> out) const noexcept;

  Augmentation options_;
  const Dataset& data_;
  PictureShape shape_;
  std::vector<Dataset::Scaling> scaling_;
  std::vector<float> framed_;  ///< the picture with a border, channel by channel
  std::vector<float> other_;   ///< the picture that is mixed in
};

}  // namespace neurons
