#pragma once
/// A recurrent network as a graph of one step: what recurrent layers remember is state.

#include <functional>

#include "neurons/layers/carry_state.hpp"
#include "neurons/layers/network.hpp"

namespace neurons {

/// The same layers, without parameters, for sequences of another length; each as `change` makes it, if that is given. The network's
/// first input is [time, …]; others stay as they are.
Network with_time(const Network& network, std::int64_t time, const std::function<Layer(const Layer&)>& change = {});

/// For a batch of one. The network's inputs are [time, …]; the graph's have a time of one. Whether layers other than recurrent ones
/// treat each step by itself, as they must, cannot be seen here. Throws InputError for networks with several inputs or none of that
/// form, that go backward in time, or that have no recurrent layer.
CarriedGraph step_graph(const Network& network);

}  // namespace neurons
