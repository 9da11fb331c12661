-module(adder).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2]).

init(_) -> {ok, 0}.
handle_call(N, _From, State) -> {reply, N + 1, State}.
handle_cast(_, State) -> {noreply, State}.
