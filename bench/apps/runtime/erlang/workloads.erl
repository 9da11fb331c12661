%% The workloads of actors.ts, in Erlang. Run with one scheduler.
-module(workloads).
-export([main/1]).

main([Name]) ->
    Numbers = case Name of
        "parked" -> parked();
        "ring" -> timed(fun ring/0);
        "calls" -> timed(fun calls/0);
        "call-empty" -> call_micros(0);
        "call-500000" -> call_micros(500000);
        "ping-pong" -> timed(fun ping_pong/0);
        "big" -> timed(fun big/0);
        "chameneos" -> timed(fun chameneos/0);
        "fork-join-create" -> timed(fun fork_join_create/0);
        "fork-join-throughput" -> timed(fun fork_join_throughput/0);
        "skynet" -> timed(fun skynet/0)
    end,
    Fields = [io_lib:format("\"~s\":~w", [Key, Value]) || {Key, Value} <- Numbers],
    io:format("result {~s}~n", [lists:join(",", Fields)]),
    receive stop -> ok end.

%% Once to warm up, once to measure.
timed(Run) ->
    Run(),
    {Micros, Count} = timer:tc(Run),
    [{"perSecond", Count * 1.0e6 / Micros}].

rss() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.

parked() ->
    N = 1000000,
    {Before, BeforeRss} = {erlang:memory(processes), rss()},
    {Micros, Pids} = timer:tc(fun() -> [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, N)] end),
    {After, AfterRss} = {erlang:memory(processes), rss()},
    true = length(Pids) =:= N,
    [{"bytesPerActor", (After - Before) / N}, {"residentPerActor", (AfterRss - BeforeRss) / N}, {"perSecond", N * 1.0e6 / Micros}].

ring() ->
    Hops = 3000000,
    Main = self(),
    First = spawn(fun() -> receive {next, To} -> ring_node(To, Main) end end),
    Pids = lists:foldl(fun(_, [Next | _] = All) -> [spawn(fun() -> ring_node(Next, Main) end) | All] end, [First], lists:seq(2, 1000)),
    First ! {next, hd(Pids)},
    First ! #{hops => Hops, tag => <<"token">>},
    receive done -> ok end,
    [exit(Pid, kill) || Pid <- Pids],
    Hops.

ring_node(To, Main) ->
    receive
        #{hops := 0} -> Main ! done;
        #{hops := Hops, tag := Tag} -> To ! #{hops => Hops - 1, tag => Tag}, ring_node(To, Main)
    end.

calls() ->
    Count = 500000,
    {ok, Server} = gen_server:start(adder, [], []),
    call_loop(Server, Count),
    exit(Server, kill),
    Count.

call_loop(_, 0) -> ok;
call_loop(Server, N) -> gen_server:call(Server, N), call_loop(Server, N - 1).

call_micros(Unread) ->
    {ok, Server} = gen_server:start(adder, [], []),
    call_loop(Server, 20000),
    [self() ! N || N <- lists:seq(1, Unread)],
    Times = lists:sort([begin
        Start = erlang:monotonic_time(nanosecond),
        gen_server:call(Server, N),
        erlang:monotonic_time(nanosecond) - Start
    end || N <- lists:seq(1, 5000)]),
    [{"p50Micros", lists:nth(2500, Times) / 1000}, {"p99Micros", lists:nth(4950, Times) / 1000}].

ping_pong() ->
    Rounds = 1000000,
    Pong = spawn(fun pong/0),
    ping(Pong, Rounds),
    exit(Pong, kill),
    2 * Rounds.

ping(_, 0) -> ok;
ping(Pong, N) -> Pong ! {self(), N}, receive {pong, N} -> ping(Pong, N - 1) end.

pong() -> receive {From, N} -> From ! {pong, N}, pong() end.

big() ->
    N = 700,
    Main = self(),
    Pids = [spawn(fun() -> receive {peers, Peers} -> big_node(Main, Peers, N) end end) || _ <- lists:seq(1, N)],
    [Pid ! {peers, Pids} || Pid <- Pids],
    [receive done -> ok end || _ <- Pids],
    2 * N * (N - 1).

big_node(Main, Peers, N) ->
    [Peer ! {ping, self()} || Peer <- Peers, Peer =/= self()],
    big_wait(Main, N - 1, N - 1).

big_wait(Main, 0, 0) -> Main ! done;
big_wait(Main, Pings, Pongs) ->
    receive
        {ping, From} -> From ! pong, big_wait(Main, Pings - 1, Pongs);
        pong -> big_wait(Main, Pings, Pongs - 1)
    end.

chameneos() ->
    Meetings = 500000,
    Main = self(),
    Mall = spawn(fun() -> mall(Main, Meetings) end),
    Pids = [spawn(fun() -> creature(Mall, I rem 3) end) || I <- lists:seq(0, 99)],
    receive done -> ok end,
    [exit(Pid, kill) || Pid <- [Mall | Pids]],
    Meetings.

mall(Main, 0) -> Main ! done, receive stop -> ok end;
mall(Main, N) ->
    receive {A, ColorA} -> receive {B, ColorB} -> A ! ColorB, B ! ColorA, mall(Main, N - 1) end end.

creature(Mall, Color) ->
    Mall ! {self(), Color},
    receive
        Color -> creature(Mall, Color);
        Other -> creature(Mall, 3 - Color - Other)
    end.

fork_join_create() ->
    N = 400000,
    Main = self(),
    [begin Pid = spawn(fun() -> receive {n, _} -> Main ! done end end), Pid ! {n, I} end || I <- lists:seq(1, N)],
    [receive done -> ok end || _ <- lists:seq(1, N)],
    N.

fork_join_throughput() ->
    {Actors, Messages} = {60, 50000},
    Main = self(),
    Pids = [spawn(fun() -> take(Messages), Main ! done end) || _ <- lists:seq(1, Actors)],
    [[Pid ! {n, N} || Pid <- Pids] || N <- lists:seq(1, Messages)],
    [receive done -> ok end || _ <- Pids],
    Actors * Messages.

take(0) -> ok;
take(N) -> receive {n, _} -> take(N - 1) end.

skynet() ->
    Leaves = 1000000,
    Main = self(),
    spawn(fun() -> skynet_node(Main, 0, Leaves) end),
    Expected = Leaves * (Leaves - 1) div 2,
    receive {sum, Expected} -> Leaves end.

skynet_node(Parent, First, 1) -> Parent ! {sum, First};
skynet_node(Parent, First, Size) ->
    Part = Size div 10,
    Self = self(),
    [spawn(fun() -> skynet_node(Self, First + I * Part, Part) end) || I <- lists:seq(0, 9)],
    Parent ! {sum, lists:sum([receive {sum, N} -> N end || _ <- lists:seq(1, 10)])}.
