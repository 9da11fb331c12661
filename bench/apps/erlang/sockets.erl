%% The same as sockets-plain.ts, from Cowboy: a process for each WebSocket, which hibernates after each message of its own.
-module(sockets).
-export([main/0, init/2, websocket_init/1, websocket_handle/2, websocket_info/2]).

main() ->
    {ok, _} = application:ensure_all_started(cowboy),
    {ok, _} = pg:start(pg),
    Dispatch = cowboy_router:compile([{'_', [
        {"/ws", ?MODULE, socket},
        {"/[...]", ?MODULE, plain}
    ]}]),
    {ok, _} = cowboy:start_clear(http, #{
        num_acceptors => 10,
        max_connections => infinity,
        socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}, {backlog, 4096}]
    }, #{env => #{dispatch => Dispatch}}),
    io:format("listening on http://127.0.0.1:~b~n", [ranch:get_port(http)]),
    timer:sleep(infinity).

init(Request, socket) ->
    {cowboy_websocket, Request, state, #{idle_timeout => infinity, compress => false}};
init(Request, plain) ->
    case cowboy_req:path(Request) of
        <<"/collect">> -> [erlang:garbage_collect(Pid) || Pid <- processes()];
        _ -> ok
    end,
    Body = [os:getpid(), " 0\n"],
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, Body, Request), plain}.

websocket_init(State) ->
    ok = pg:join(room, self()),
    {ok, State, hibernate}.

websocket_handle({Kind, <<"all ", _/binary>> = Data}, State) ->
    [Pid ! {room, Kind, Data} || Pid <- pg:get_members(room)],
    {ok, State};
websocket_handle({Kind, Data}, State) when is_binary(Data) ->
    {[{Kind, Data}], State, hibernate};
websocket_handle(_, State) ->
    {ok, State}.

websocket_info({room, Kind, Data}, State) ->
    {[{Kind, Data}], State};
websocket_info(_, State) ->
    {ok, State}.
