/* Runs a Lua script: `lua-run SCRIPT [ARGUMENT...]` or `lua-run -e CODE`. */
#include <stdio.h>
#include <string.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

int main(int count, char **words) {
  if (count < 2) {
    fprintf(stderr, "usage: lua-run SCRIPT [ARGUMENT...] | lua-run -e CODE\n");
    return 2;
  }
  lua_State *lua = luaL_newstate();
  if (!lua) return 1;
  luaL_openlibs(lua);
  int is_code = !strcmp(words[1], "-e") && count > 2;
  lua_createtable(lua, count, 0);
  for (int i = 1; i < count; i++) {
    lua_pushstring(lua, words[i]);
    lua_rawseti(lua, -2, i - 1);
  }
  lua_setglobal(lua, "arg");
  int failed = is_code ? luaL_dostring(lua, words[2]) : luaL_dofile(lua, words[1]);
  if (failed) fprintf(stderr, "%s\n", lua_tostring(lua, -1));
  lua_close(lua);
  return failed != 0;
}
