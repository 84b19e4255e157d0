#pragma once
/// Symmetric positive definite systems in double precision: A = L·Lᵀ.

#include <cstddef>
#include <span>
#include <vector>

namespace neurons {

/// Replaces the lower triangle of A (row-major, order n) by L; what is above stays. False, with A spoilt, if A is not positive
/// definite to working precision, or not finite. (Golub & Van Loan: "Matrix computations", 2013, section 4.2.)
bool cholesky(std::span<double> matrix, std::size_t order);

/// Replaces b by A⁻¹·b.
void cholesky_solve(std::span<const double> factor, std::span<double> b);

/// The diagonal of A⁻¹: the squared lengths of the columns of L⁻¹.
std::vector<double> cholesky_inverse_diagonal(std::span<const double> factor, std::size_t order);

}  // namespace neurons
