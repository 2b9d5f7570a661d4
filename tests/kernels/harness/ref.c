#include "tests/kernels/harness/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ref_embed(double *out, const int32_t *token, const int32_t *position, const double *wte,
               const double *wpe, int n, int c)
{
	for (int r = 0; r < n; r++)
		for (int j = 0; j < c; j++)
			out[r * c + j] = wte[token[r] * c + j] + wpe[position[r] * c + j];
}

void ref_embed_backward(double *dwte, double *dwpe, const double *dout, const int32_t *token,
                        const int32_t *position, int n, int c)
{
	for (int r = 0; r < n; r++) {
		for (int j = 0; j < c; j++) {
			dwte[token[r] * c + j] += dout[r * c + j];
			dwpe[position[r] * c + j] += dout[r * c + j];
		}
	}
}

/* Ba, Kiros, Hinton 2016, "Layer Normalization", eq. 4. */
void ref_layernorm(double *out, double *mean, double *rstd, const double *x, const double *gain,
                   const double *bias, int n, int c, double epsilon)
{
	for (int r = 0; r < n; r++) {
		const double *row = x + (size_t)r * c;
		double sum = 0, square = 0;
		for (int j = 0; j < c; j++)
			sum += row[j];
		mean[r] = sum / c;
		for (int j = 0; j < c; j++)
			square += (row[j] - mean[r]) * (row[j] - mean[r]);
		rstd[r] = 1 / sqrt(square / c + epsilon);
		for (int j = 0; j < c; j++) {
			out[(size_t)r * c + j] = (row[j] - mean[r]) * rstd[r] * gain[j];
			if (bias)
				out[(size_t)r * c + j] += bias[j];
		}
	}
}

/* With z = (x - mean) rstd and g = dout * gain, the mean and the variance both
 * depend on every x: dx = rstd (g - avg(g) - z avg(g z)). */
void ref_layernorm_backward(double *dx, double *dgain, double *dbias, const double *dout,
                            const double *x, const double *mean, const double *rstd,
                            const double *gain, int n, int c)
{
	for (int r = 0; r < n; r++) {
		double avg_g = 0, avg_gz = 0;
		for (int j = 0; j < c; j++) {
			double z = (x[(size_t)r * c + j] - mean[r]) * rstd[r];
			double g = dout[(size_t)r * c + j] * gain[j];
			avg_g += g / c;
			avg_gz += g * z / c;
			dgain[j] += dout[(size_t)r * c + j] * z;
			if (dbias)
				dbias[j] += dout[(size_t)r * c + j];
		}
		for (int j = 0; j < c; j++) {
			double z = (x[(size_t)r * c + j] - mean[r]) * rstd[r];
			double g = dout[(size_t)r * c + j] * gain[j];
			dx[(size_t)r * c + j] += rstd[r] * (g - avg_g - z * avg_gz);
		}
	}
}

void ref_linear(double *y, const double *x, const double *w, const double *b, int n, int in,
                int out, bool accumulate)
{
	for (int r = 0; r < n; r++) {
		double *row = y + (size_t)r * out;
		for (int o = 0; o < out; o++)
			row[o] = (accumulate ? row[o] : 0) + (b ? b[o] : 0);
		for (int i = 0; i < in; i++)
			for (int o = 0; o < out; o++)
				row[o] += x[(size_t)r * in + i] * w[(size_t)i * out + o];
	}
}

void ref_linear_backward(double *dx, double *dw, double *db, const double *dy, const double *x,
                         const double *w, int n, int in, int out)
{
	for (int r = 0; r < n; r++) {
		for (int i = 0; i < in; i++) {
			double sum = 0;
			for (int o = 0; o < out; o++)
				sum += dy[(size_t)r * out + o] * w[(size_t)i * out + o];
			dx[(size_t)r * in + i] = sum;
		}
	}
	for (int r = 0; r < n; r++)
		for (int i = 0; i < in; i++)
			for (int o = 0; o < out; o++)
				dw[(size_t)i * out + o] +=
					x[(size_t)r * in + i] * dy[(size_t)r * out + o];
	for (int r = 0; db && r < n; r++)
		for (int o = 0; o < out; o++)
			db[o] += dy[(size_t)r * out + o];
}

void ref_unembed(double *logits, const double *x, const double *wte, int n, int c, int v)
{
	for (int r = 0; r < n; r++) {
		for (int o = 0; o < v; o++) {
			double sum = 0;
			for (int j = 0; j < c; j++)
				sum += x[(size_t)r * c + j] * wte[(size_t)o * c + j];
			logits[(size_t)r * v + o] = sum;
		}
	}
}

void ref_unembed_backward(double *dx, double *dwte, const double *dlogits, const double *x,
                          const double *wte, int n, int c, int v)
{
	for (size_t i = 0; i < (size_t)n * c; i++)
		dx[i] = 0;
	for (int r = 0; r < n; r++) {
		for (int o = 0; o < v; o++) {
			double d = dlogits[(size_t)r * v + o];
			for (int j = 0; j < c; j++) {
				dx[(size_t)r * c + j] += d * wte[(size_t)o * c + j];
				dwte[(size_t)o * c + j] += d * x[(size_t)r * c + j];
			}
		}
	}
}

/* Hendrycks & Gimpel 2016, "Gaussian Error Linear Units", section 2: x Φ(x).
 * erfc keeps the relative precision of Φ in the far left tail. */
void ref_gelu(double *y, const double *x, size_t count)
{
	for (size_t i = 0; i < count; i++)
		y[i] = x[i] * 0.5 * erfc(-x[i] * M_SQRT1_2);
}

void ref_gelu_backward(double *dx, const double *dy, const double *x, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double cdf = 0.5 * erfc(-x[i] * M_SQRT1_2);
		double density = exp(-x[i] * x[i] / 2) / sqrt(2 * M_PI);
		dx[i] = dy[i] * (cdf + x[i] * density);
	}
}

/* The same, section 2, "0.5x(1 + tanh[√(2/π)(x + 0.044715x³)])". */
void ref_gelu_tanh(double *y, const double *x, size_t count)
{
	for (size_t i = 0; i < count; i++)
		y[i] = x[i] / 2 * (1 + tanh(sqrt(2 / M_PI) * (x[i] + 0.044715 * pow(x[i], 3))));
}

void ref_gelu_tanh_backward(double *dx, const double *dy, const double *x, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double slope = sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x[i] * x[i]);
		double u = sqrt(2 / M_PI) * (x[i] + 0.044715 * pow(x[i], 3));
		double bell = 1 / (cosh(u) * cosh(u)); /* 1 - tanh², 0 where cosh is infinite */

		dx[i] = dy[i] * ((1 + tanh(u)) / 2 + x[i] / 2 * bell * slope);
	}
}

void ref_add(double *x, const double *y, size_t count)
{
	for (size_t i = 0; i < count; i++)
		x[i] += y[i];
}

void ref_set_columns(double *x, const double *value, int n, int c, int first, int count)
{
	for (int r = 0; r < n; r++)
		for (int j = 0; j < count; j++)
			x[(size_t)r * c + first + j] = value[j];
}

void ref_scale_columns(double *x, double factor, int n, int c, int first, int count)
{
	for (int r = 0; r < n; r++)
		for (int j = 0; j < count; j++)
			x[(size_t)r * c + first + j] *= factor;
}

void ref_dropout(double *x, const double *mask, size_t count)
{
	for (size_t i = 0; i < count; i++)
		x[i] = mask[i] != 0 ? x[i] * mask[i] : 0;
}

/* The scaled score of one query against one key: q[d] · k[d] / √d */
static double score(const double *q, const double *k, int d)
{
	double sum = 0;

	for (int i = 0; i < d; i++)
		sum += q[i] * k[i];
	return sum / sqrt(d);
}

/* p[count] = softmax of scores[count]; returns log Σ exp(scores). */
static double softmax(double *p, const double *scores, int count)
{
	double max = -INFINITY, sum = 0;

	for (int i = 0; i < count; i++)
		max = fmax(max, scores[i]);
	for (int i = 0; i < count; i++)
		sum += exp(scores[i] - max);
	for (int i = 0; i < count; i++)
		p[i] = exp(scores[i] - max) / sum;
	return max + log(sum);
}

/* Probabilities of one query row over the keys begin … query of one head;
 * returns its log-sum-exp. p has room for them. */
static double attend(double *p, const double *qkv, int begin, int query, int c, int d, int head)
{
	int keys = query - begin + 1;
	double *scores = malloc(keys * sizeof *scores);
	double lse;

	if (!scores)
		abort();
	for (int key = 0; key < keys; key++)
		scores[key] = score(qkv + (size_t)query * 3 * c + head * d,
		                    qkv + (size_t)(begin + key) * 3 * c + c + head * d, d);
	lse = softmax(p, scores, keys);
	free(scores);
	return lse;
}

/* Vaswani et al. 2017, "Attention Is All You Need", eq. 1. */
void ref_attention(double *out, double *lse, const double *qkv, const struct sequences *seqs,
                   int c, int h, const double *mask)
{
	int n = seqs->begin[seqs->count], t = seqs->longest, d = c / h;
	double *p = malloc(t * sizeof *p);

	if (!p)
		abort();
	for (int s = 0; s < seqs->count; s++) {
		int begin = seqs->begin[s];
		for (int query = begin; query < seqs->begin[s + 1]; query++) {
			for (int head = 0; head < h; head++) {
				double *o = out + (size_t)query * c + head * d;
				lse[(size_t)head * n + query] =
					attend(p, qkv, begin, query, c, d, head);
				for (int i = 0; i < d; i++)
					o[i] = 0;
				for (int key = 0; key <= query - begin; key++) {
					const double *v = qkv + (size_t)(begin + key) * 3 * c +
					                  2 * c + head * d;
					double pm = p[key];
					if (mask)
						pm *= mask[((size_t)head * n + query) * t + key];
					for (int i = 0; i < d; i++)
						o[i] += pm * v[i];
				}
			}
		}
	}
	free(p);
}

/* One query row of one head. With the masked probability p m:
 *	dv_j += p_j m_j do, dp_j = m_j (do · v_j),
 *	ds_j = p_j (dp_j - Σ p dp), dq += ds_j k_j / √d, dk_j += ds_j q / √d.
 * Σ p dp is do · out, and is taken from there if out was given. */
static void attend_backward(double *dqkv, const double *p, const double *dout, const double *out,
                            const double *qkv, int begin, int query, int c, int d, int head,
                            const double *m)
{
	int keys = query - begin + 1;
	double *dp = malloc(keys * sizeof *dp);
	const double *dor = dout + (size_t)query * c + head * d;
	const double *q = qkv + (size_t)query * 3 * c + head * d;
	double *dq = dqkv + (size_t)query * 3 * c + head * d;
	double average = 0;

	if (!dp)
		abort();
	for (int j = 0; j < keys; j++) {
		size_t at = (size_t)(begin + j) * 3 * c + 2 * c + head * d;
		double factor = m ? m[j] : 1;
		dp[j] = 0;
		for (int i = 0; i < d; i++) {
			dqkv[at + i] += p[j] * factor * dor[i];
			dp[j] += factor * dor[i] * qkv[at + i];
		}
		average += out ? 0 : p[j] * dp[j];
	}
	for (int i = 0; out && i < d; i++)
		average += dor[i] * out[(size_t)query * c + head * d + i];
	for (int j = 0; j < keys; j++) {
		size_t at = (size_t)(begin + j) * 3 * c + c + head * d;
		double ds = p[j] * (dp[j] - average) / sqrt(d);
		for (int i = 0; i < d; i++) {
			dq[i] += ds * qkv[at + i];
			dqkv[at + i] += ds * q[i];
		}
	}
	free(dp);
}

void ref_attention_backward(double *dqkv, const double *dout, const double *out,
                            const double *lse, const double *qkv, const struct sequences *seqs,
                            int c, int h, const double *mask)
{
	int n = seqs->begin[seqs->count], t = seqs->longest, d = c / h;
	double *p = malloc(t * sizeof *p);

	if (!p)
		abort();
	for (size_t i = 0; i < (size_t)n * 3 * c; i++)
		dqkv[i] = 0;
	for (int s = 0; s < seqs->count; s++) {
		int begin = seqs->begin[s];
		for (int query = begin; query < seqs->begin[s + 1]; query++)
			for (int head = 0; head < h; head++) {
				size_t row = (size_t)head * n + query;
				double own = attend(p, qkv, begin, query, c, d, head);
				for (int j = 0; lse && j <= query - begin; j++)
					p[j] *= exp(own - lse[row]);
				attend_backward(dqkv, p, dout, out, qkv, begin, query, c, d, head,
				                mask ? mask + row * t : NULL);
			}
	}
	free(p);
}

/* Dao et al. 2022, "FlashAttention", section 3.1: p = exp(s - lse). */
void ref_attention_probs(double *probs, const double *qkv, const double *lse, int n, int first,
                         int length, int head, int c, int h)
{
	int d = c / h;

	for (int i = 0; i < length; i++) {
		for (int j = 0; j < length; j++) {
			const double *q = qkv + (size_t)(first + i) * 3 * c + head * d;
			const double *k = qkv + (size_t)(first + j) * 3 * c + c + head * d;
			probs[(size_t)i * length + j] =
				j > i ? 0 : exp(score(q, k, d) - lse[(size_t)head * n + first + i]);
		}
	}
}

void ref_cache_store(double *cache_k, double *cache_v, const double *qkv, const int32_t *slot,
                     const int32_t *place, int n, int t, int c)
{
	for (int r = 0; r < n; r++)
		for (int j = 0; j < c; j++) {
			const size_t at = ((size_t)slot[r] * t + place[r]) * c + j;
			cache_k[at] = qkv[((size_t)r * 3 + 1) * c + j];
			cache_v[at] = qkv[((size_t)r * 3 + 2) * c + j];
		}
}

void ref_attention_cached(double *out, double *cache_k, double *cache_v, const double *qkv,
                          const int32_t *slot, const int32_t *place, int n, int t, int c, int h)
{
	int d = c / h;
	double *scores = malloc(t * sizeof *scores), *p = malloc(t * sizeof *p);

	if (!scores || !p)
		abort();
	for (int r = 0; r < n; r++) {
		double *k = cache_k + (size_t)slot[r] * t * c;
		double *v = cache_v + (size_t)slot[r] * t * c;
		const double *row = qkv + (size_t)r * 3 * c;
		ref_cache_store(cache_k, cache_v, row, slot + r, place + r, 1, t, c);
		for (int head = 0; head < h; head++) {
			double *o = out + (size_t)r * c + head * d;
			for (int key = 0; key <= place[r]; key++)
				scores[key] = score(row + head * d,
				                    k + (size_t)key * c + head * d, d);
			softmax(p, scores, place[r] + 1);
			for (int i = 0; i < d; i++)
				o[i] = 0;
			for (int key = 0; key <= place[r]; key++)
				for (int i = 0; i < d; i++)
					o[i] += p[key] * v[(size_t)key * c + head * d + i];
		}
	}
	free(p);
	free(scores);
}

void ref_cross_entropy(double *loss, double *dlogits, const double *logits,
                       const int32_t *target, const double *weight, int n, int v)
{
	double *p = malloc(v * sizeof *p);

	if (!p)
		abort();
	for (int r = 0; r < n; r++) {
		const double *row = logits + (size_t)r * v;
		double right = target[r] < 0 ? 0 : row[target[r]];
		double lse = softmax(p, row, v);
		loss[r] = target[r] < 0 ? 0 : lse - right;
		for (int o = 0; dlogits && o < v; o++)
			dlogits[(size_t)r * v + o] =
				target[r] < 0 ? 0
					      : (weight ? weight[r] : 1) *
							(p[o] - (o == target[r]));
	}
	free(p);
}

/* Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization",
 * algorithm 2, lines 5 to 12. */
void ref_adamw(double *param, const double *grad, double *m, double *v,
               const struct adamw_range *ranges, int range_count, const struct adamw *adamw,
               const struct update *update)
{
	const double beta1 = adamw->beta1, beta2 = adamw->beta2;

	for (int r = 0; update->finite && r < range_count; r++)
		for (size_t i = ranges[r].begin; i < ranges[r].end; i++) {
			double g = grad[i] * update->grad_scale;
			double decay = ranges[r].decay ? adamw->weight_decay : 0;
			m[i] = beta1 * m[i] + (1 - beta1) * g;
			v[i] = beta2 * v[i] + (1 - beta2) * g * g;
			double m_hat = m[i] * update->correct1;
			double v_hat = v[i] * update->correct2;
			param[i] -= update->lr * m_hat / (sqrt(v_hat) + adamw->epsilon) +
			            update->lr * decay * param[i];
		}
}

void ref_muon(double *param, const double *grad, double *m, int rows, int cols, int stride,
              const struct muon *muon, const struct update *update)
{
	const double momentum = muon->momentum;
	double *x = malloc((size_t)rows * cols * sizeof *x);
	double *next = malloc((size_t)rows * cols * sizeof *next);
	double *y = malloc((size_t)rows * rows * sizeof *y);
	double *p = malloc((size_t)rows * rows * sizeof *p);
	double norm2 = 0;

	if (!x || !next || !y || !p)
		abort();
	for (int i = 0; update->finite && i < rows; i++)
		for (int j = 0; j < cols; j++) {
			double g = grad[(size_t)i * stride + j] * update->grad_scale;
			double *mij = &m[(size_t)i * stride + j];
			*mij = momentum * *mij + (1 - momentum) * g;
			x[i * cols + j] = momentum * *mij + (1 - momentum) * g;
			norm2 += x[i * cols + j] * x[i * cols + j];
		}
	for (int i = 0; i < rows * cols && norm2 > 0; i++)
		x[i] /= sqrt(norm2);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < rows; j++) {
				y[i * rows + j] = 0;
				for (int k = 0; k < cols; k++)
					y[i * rows + j] += x[i * cols + k] * x[j * cols + k];
			}
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < rows; j++) {
				p[i * rows + j] = (i == j ? 3.4445 : 0) - 4.7750 * y[i * rows + j];
				for (int k = 0; k < rows; k++)
					p[i * rows + j] += 2.0315 * y[i * rows + k] * y[k * rows + j];
			}
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < cols; j++) {
				next[i * cols + j] = 0;
				for (int k = 0; k < rows; k++)
					next[i * cols + j] += p[i * rows + k] * x[k * cols + j];
			}
		memcpy(x, next, (size_t)rows * cols * sizeof *x);
	}
	for (int i = 0; update->finite && i < rows; i++)
		for (int j = 0; j < cols; j++) {
			double *pij = &param[(size_t)i * stride + j];
			*pij -= update->lr * (0.2 * sqrt(rows > cols ? rows : cols) * x[i * cols + j] +
			                      muon->weight_decay * *pij);
		}
	free(x);
	free(next);
	free(y);
	free(p);
}

double ref_sum(const double *x, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += x[i];
	return sum;
}

/* Pascanu et al. 2013, algorithm 1. */
void ref_clip(struct update *update, const struct tally *tallies, int count)
{
	double norm2 = 0, factor = 1;

	update->loss = 0;
	for (int i = 0; i < count; i++) {
		update->loss += tallies[i].loss;
		norm2 += tallies[i].norm2;
	}
	update->norm = update->mean * sqrt(norm2);
	if (update->norm_max > 0 && update->norm >= update->norm_max)
		factor = update->norm_max / update->norm;
	update->grad_scale = (float)(factor * update->mean);
	update->finite = isfinite(update->loss) && isfinite(update->norm);
}

double ref_norm2(const double *x, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += x[i] * x[i];
	return sum;
}

/* IEEE 754-2019, 3.4 and 4.3.1: a sign, exponent bits of this bias, and a mantissa. */
struct format {
	int mantissa, bias;
};

static struct format format_of(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? (struct format){10, 15} : (struct format){7, 127};
}

double ref_round(enum dtype dtype, double x)
{
	const struct format format = format_of(dtype);
	const double past = ldexp(1, format.bias + 1); /* what would come after the largest */
	int exponent; /* |x| is in [2^(exponent-1), 2^exponent) */

	if (x == 0 || !isfinite(x))
		return x;
	frexp(x, &exponent);
	if (exponent - 1 < 1 - format.bias) /* subnormal: steps are those of the smallest normal */
		exponent = 2 - format.bias;
	const double step = ldexp(1, exponent - 1 - format.mantissa);
	const double rounded = nearbyint(x / step) * step;
	return fabs(rounded) >= past ? copysign(INFINITY, x) : rounded;
}

double ref_value(enum dtype dtype, uint16_t bits)
{
	const struct format format = format_of(dtype);
	const int mantissa = bits & ((1 << format.mantissa) - 1);
	const int exponent = (bits & 0x7fff) >> format.mantissa;
	const double sign = bits & 0x8000 ? -1 : 1;

	if (exponent == 2 * format.bias + 1)
		return mantissa ? NAN : sign * INFINITY;
	if (exponent == 0)
		return sign * ldexp(mantissa, 1 - format.bias - format.mantissa);
	return sign * ldexp(mantissa + (1 << format.mantissa),
	                    exponent - format.bias - format.mantissa);
}

uint16_t ref_bits(enum dtype dtype, double x)
{
	const struct format format = format_of(dtype);
	const double nearest = fabs(ref_round(dtype, x));
	const int sign = signbit(x) ? 0x8000 : 0, infinite = (2 * format.bias + 1) << format.mantissa;
	int exponent;

	if (isnan(x) || isinf(nearest))
		return (uint16_t)(sign | infinite | (isnan(x) ? 1 << (format.mantissa - 1) : 0));
	frexp(nearest, &exponent);
	exponent += format.bias - 1;
	if (nearest == 0 || exponent < 1) /* counted in steps of the smallest */
		return (uint16_t)(sign | (int)ldexp(nearest, format.mantissa + format.bias - 1));
	/* the mantissa's leading one is not kept: it counts as one more exponent */
	return (uint16_t)(sign + ((exponent - 1) << format.mantissa) +
	                  (int)ldexp(nearest, format.mantissa + format.bias - exponent));
}
