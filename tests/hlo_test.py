"""What is read of a compiled program, against planted texts worked out by hand and a real one."""

import jax
import jax.numpy as jnp
import pytest

from vdit.planning import hlo, traffic
from vdit.planning.kernels import kernels, moved

# Three layers (weights stacked) of x @ w, x kept; then, once, a cast copy and a fill of zeros.
PLANTED = """HloModule planted, is_scheduled=true, input_output_alias={ {0}: (0, {}, may-alias) }

%product (p.0: bf16[3,8,8], p.1: s32[], p.2: bf16[4,8]) -> bf16[4,8] {
  %p.0 = bf16[3,8,8]{2,1,0} parameter(0)
  %p.1 = s32[] parameter(1)
  %zero = s32[] constant(0)
  %slice = bf16[1,8,8]{2,1,0} dynamic-slice(%p.0, %p.1, %zero, %zero), dynamic_slice_sizes={1,8,8}
  %w = bf16[8,8]{1,0} bitcast(%slice)
  %p.2 = bf16[4,8]{1,0} parameter(2)
  ROOT %dot = bf16[4,8]{1,0} dot(%p.2, %w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%keep (p.3: bf16[3,4,8], p.4: s32[], p.5: bf16[4,8]) -> bf16[3,4,8] {
  %p.3 = bf16[3,4,8]{2,1,0} parameter(0)
  %p.5 = bf16[4,8]{1,0} parameter(2)
  %one = bf16[1,4,8]{2,1,0} bitcast(%p.5)
  %p.4 = s32[] parameter(1)
  %nil = s32[] constant(0)
  ROOT %put = bf16[3,4,8]{2,1,0} dynamic-update-slice(%p.3, %one, %p.4, %nil, %nil)
}

%outer (p.6: bf16[3,4,8], p.7: s32[], p.8: bf16[4,8]) -> bf16[3,4,8] {
  %p.6 = bf16[3,4,8]{2,1,0} parameter(0)
  %p.7 = s32[] parameter(1)
  %p.8 = bf16[4,8]{1,0} parameter(2)
  ROOT %in = bf16[3,4,8]{2,1,0} fusion(%p.6, %p.7, %p.8), kind=kLoop, calls=%keep
}

%zeros () -> f32[4,8] {
  %nought = f32[] constant(0)
  ROOT %fill = f32[4,8]{1,0} broadcast(%nought), dimensions={}
}

%cast (p.9: bf16[4,8]) -> f32[4,8] {
  %p.9 = bf16[4,8]{1,0} parameter(0)
  ROOT %wide = f32[4,8]{1,0} convert(%p.9)
}

%body (state: (s32[], bf16[4,8], bf16[3,8,8], /*index=3*/bf16[3,4,8])) -> (s32[], bf16[4,8]) {
  %state = (s32[], bf16[4,8]{1,0}, bf16[3,8,8]{2,1,0}, /*index=3*/bf16[3,4,8]{2,1,0}) parameter(0)
  %i = s32[] get-tuple-element(%state), index=0
  %x = bf16[4,8]{1,0} get-tuple-element(%state), index=1
  %ws = bf16[3,8,8]{2,1,0} get-tuple-element(%state), index=2
  %kept = bf16[3,4,8]{2,1,0} get-tuple-element(%state), index=3
  %gather-start = ((bf16[4,8]{1,0}), bf16[8,8]{1,0}) all-gather-start(%x), channel_id=1, \
replica_groups={{0,1}}, dimensions={0}, backend_config={"is_sync":false}
  %y = bf16[4,8]{1,0} fusion(%ws, %i, %x), kind=kCustom, calls=%product
  %gather-done = bf16[8,8]{1,0} all-gather-done(%gather-start)
  %keep-start = ((bf16[3,4,8]{2,1,0}, s32[], bf16[4,8]{1,0}), bf16[3,4,8]{2,1,0}, u32[]) \
fusion-start(%kept, %i, %x), kind=kLoop, calls=%outer
  %keep-done = bf16[3,4,8]{2,1,0} fusion-done(%keep-start)
  ROOT %next = (s32[], bf16[4,8]{1,0}, bf16[3,8,8]{2,1,0}, bf16[3,4,8]{2,1,0}) \
tuple(%i, %y, %ws, %keep-done)
}

%condition (state.1: (s32[], bf16[4,8])) -> pred[] {
  %state.1 = (s32[], bf16[4,8]{1,0}, bf16[3,8,8]{2,1,0}, bf16[3,4,8]{2,1,0}) parameter(0)
  ROOT %more = pred[] constant(true)
}

ENTRY %main (all: (s32[], bf16[4,8])) -> f32[4,8] {
  %all = (s32[], bf16[4,8]{1,0}, bf16[3,8,8]{2,1,0}, bf16[3,4,8]{2,1,0}) parameter(0)
  %while = (s32[], bf16[4,8]{1,0}, bf16[3,8,8]{2,1,0}, bf16[3,4,8]{2,1,0}) while(%all), \
condition=%condition, body=%body, backend_config={"known_trip_count":{"n":"3"}}
  %last = bf16[4,8]{1,0} get-tuple-element(%while), index=1
  %attention = (bf16[4,8]{1,0}, f32[4]{0}, u8[0]{0}) custom-call(%last, %last, %last), \
custom_call_target="__cudnn$fmhaSoftmax"
  %still = f32[4,8]{1,0} fusion(), kind=kLoop, calls=%zeros
  %sum = f32[4,8]{1,0} all-reduce(%still), channel_id=2, replica_groups={{0,1}}, to_apply=%add
  ROOT %end = f32[4,8]{1,0} fusion(%last), kind=kLoop, calls=%cast
}
"""


def test_a_loop_runs_its_instructions_as_often_as_it_turns():
    program = hlo.read(PLANTED)
    assert (program.entry, len(program.computations)) == ("main", 8)
    times = {run.instruction.name: (run.times, run.in_loop) for run in program.runs()}
    assert (times["y"], times["end"]) == ((3, True), (1, False))
    assert "dot" not in times  # a fusion is one kernel
    state = program.computations["main"]["all"]
    assert state.shapes == ((), (4, 8), (3, 8, 8), (3, 4, 8))
    assert state.bytes == 4 + 2 * (32 + 192 + 96)


def test_a_kernel_reads_and_writes_the_slices_that_it_takes_and_no_more():
    found = {k.name: (k.kind, k.times, k.bytes) for k in kernels(hlo.read(PLANTED))}
    assert found == {
        "gather-start": ("collectives", 3, 2 * 32 + 2 * 64),
        "y": ("products", 3, 2 * 64 + 4 + 2 * 32 + 2 * 32),  # a layer's weights, index, x, y
        "keep-start": ("copies", 3, 4 + 2 * 32 + 2 * 32),  # the stack of all layers is not moved
        "attention": ("attention", 1, 3 * 64 + 64 + 16),
        "still": ("fills", 1, 128),
        "sum": ("collectives", 1, 256),
        "end": ("element-wise, sums", 1, 64 + 128),
    }
    by_kind = moved(kernels(hlo.read(PLANTED)))
    assert by_kind["products"] == (3, 3 * 260)
    assert by_kind["collectives"] == (4, 3 * 192 + 256)
    assert next(iter(by_kind)) == "collectives"  # the most bytes first


def test_an_update_of_what_is_no_argument_writes_it_all():
    anew = PLANTED.replace("dynamic-update-slice(%p.3,", "dynamic-update-slice(%fresh,")
    anew = anew.replace("  %p.4 =", "  %fresh = bf16[3,4,8]{2,1,0} broadcast(%nil)\n  %p.4 =")
    (kernel,) = (k for k in kernels(hlo.read(anew)) if k.name == "keep-start")
    assert kernel.bytes == 4 + 2 * 32 + 2 * 96


def test_collectives_say_where_they_run_and_whether_anything_waits():
    mesh = {"data": 2, "fsdp": 1}
    gather, reduce = traffic.moves(hlo.read(PLANTED), mesh)
    assert gather == ("all-gather", "data", ((8, 8),), 128 / 2, 3, True, True)
    assert reduce == ("all-reduce", "data", ((4, 8),), 2 * 128 / 2, 1, False, False)
    waiting = PLANTED.replace('"is_sync":false', '"is_sync":true')
    assert not traffic.moves(hlo.read(waiting), mesh)[0].asynchronous


def test_a_loop_that_may_turn_for_ever_is_no_number():
    endless = hlo.read(PLANTED.replace('"known_trip_count":{"n":"3"}', ""))
    with pytest.raises(ValueError, match="while: XLA does not know"):
        list(endless.runs())


def test_a_real_program_is_read():
    """Five products of (16, 16) matrices in a loop: each reads two, or a slice, and writes one."""

    def layers(x, ws):
        return jax.lax.scan(lambda x, w: (jnp.tanh(x @ w), None), x, ws)[0]

    made = jax.jit(layers).lower(jnp.ones((16, 16)), jnp.ones((5, 16, 16))).compile()
    found = moved(kernels(hlo.read(made.as_text())))
    count, size = found["products"]
    assert (count, size) == (5, 5 * 3 * 4 * 256)
